"""A histogram that only grows: its bounds, and how times fall into its buckets."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from pg_migration_exporter.metrics.families import Histogram

_PREFERRED = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)

#: Upper bounds in seconds. histogram_quantile interpolates linearly inside of a bucket: so between
#: 1 ms and 10 s there are ten to the decade (ISO 3, R10), which costs about 2 % at a percentile;
#: the limits that people set (5, 10, 50, 100 ms, ...) are among them.
BOUNDS: tuple[float, ...] = (
    0.0001, 0.00025, 0.0005,
    *(round(step * 10**power, 6) for power in (-3, -2, -1, 0) for step in _PREFERRED),
    10.0, 30.0, 60.0,
)  # fmt: skip


def bucket_of(seconds: float) -> int:
    """The index of the bucket that a time falls into; len(BOUNDS) is the last, unbounded one."""
    return bisect_left(BOUNDS, seconds)


@dataclass(slots=True)
class GrowingHistogram:
    """Counts by bucket; sum and count are exact, how calls spread over buckets may be estimated."""

    bounds: Sequence[float] = BOUNDS
    seconds: float = 0.0
    calls: int = 0
    counts: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = self.counts or [0.0] * (len(self.bounds) + 1)

    def add(self, calls: int, seconds: float, counts: Sequence[float]) -> None:
        """Add `calls` that took `seconds` together; `counts` say how many for each bucket."""
        self.calls += calls
        self.seconds += seconds
        self.counts = [had + more for had, more in zip(self.counts, counts, strict=True)]

    def snapshot(self) -> Histogram:
        """The histogram to publish; rounding keeps buckets in order and growing."""
        below = (min(round(count, 3), self.calls) for count in accumulate(self.counts[:-1]))
        buckets = (*zip(self.bounds, below, strict=True), (math.inf, self.calls))
        return Histogram(buckets, self.seconds, self.calls)
