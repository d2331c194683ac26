"""The buckets of the latency histogram, and a histogram whose counts only grow."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from pg_migration_exporter.metrics.families import Histogram

_PREFERRED = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)

#: Upper bounds in seconds. histogram_quantile interpolates linearly inside a bucket: with ten
#: buckets per decade from 1 ms to 10 s (ISO 3, R10), the error of a percentile is about 2 %. Common
#: thresholds (5, 10, 50, 100 ms, ...) are among the bounds.
BOUNDS: tuple[float, ...] = (
    0.0001, 0.00025, 0.0005,
    *(round(step * 10**power, 6) for power in (-3, -2, -1, 0) for step in _PREFERRED),
    10.0, 30.0, 60.0,
)  # fmt: skip


#: Edges of the buckets in seconds: the first and the last bucket get a finite edge.
EDGES: tuple[float, ...] = (BOUNDS[0] / 4, *BOUNDS, BOUNDS[-1] * 4)
#: The geometric mean of the edges of each bucket, in seconds.
MIDPOINTS: tuple[float, ...] = tuple(math.sqrt(lower * upper) for lower, upper in pairwise(EDGES))
BUCKET_COUNT = len(MIDPOINTS)
#: Smaller shares of the calls count as zero.
NEGLIGIBLE_SHARE = 1e-6


def bucket_index(seconds: float) -> int:
    """Return the index of the bucket of a duration; len(BOUNDS) is the last, unbounded one."""
    return bisect_left(BOUNDS, seconds)


@dataclass(slots=True)
class GrowingHistogram:
    """Counts by bucket; sum and count are exact, the counts by bucket may be estimated."""

    bounds: Sequence[float] = BOUNDS
    seconds: float = 0.0
    calls: int = 0
    counts: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = self.counts or [0.0] * (len(self.bounds) + 1)

    def add(self, calls: int, seconds: float, counts: Sequence[float]) -> None:
        """Add `calls` that took `seconds` in total, distributed over the buckets as `counts`."""
        self.calls += calls
        self.seconds += seconds
        self.counts = [old + new for old, new in zip(self.counts, counts, strict=True)]

    def snapshot(self) -> Histogram:
        """Return the histogram to publish; rounding keeps the buckets cumulative and growing."""
        below = (min(round(count, 3), self.calls) for count in accumulate(self.counts[:-1]))
        buckets = (*zip(self.bounds, below, strict=True), (math.inf, self.calls))
        return Histogram(buckets, self.seconds, self.calls)
