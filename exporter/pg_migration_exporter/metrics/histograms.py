"""An exact histogram of observed durations, which can be stored."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from pg_migration_exporter.metrics.families import Histogram

#: Upper bounds in seconds, from a small changeset to a long index build.
DURATION_BOUNDS = (
    0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14400.0,
)  # fmt: skip


@dataclass(slots=True)
class DurationHistogram:
    """Counts of observed durations, in seconds, by bucket."""

    bounds: Sequence[float] = DURATION_BOUNDS
    seconds: float = 0.0
    counts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = self.counts or [0] * (len(self.bounds) + 1)

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.seconds += seconds

    def snapshot(self) -> Histogram:
        """Return the histogram to publish."""
        cumulative = list(accumulate(self.counts))
        buckets = tuple(zip((*self.bounds, math.inf), cumulative, strict=True))
        return Histogram(buckets, self.seconds, cumulative[-1])

    def dump(self) -> dict[str, Any]:
        """Return the counts, as JSON."""
        return {"bounds": list(self.bounds), "seconds": self.seconds, "counts": self.counts}

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> DurationHistogram:
        """Restore what `dump` returned; counts with other bounds are dropped.

        Raises KeyError or TypeError for anything else.
        """
        counts = [int(count) for count in state["counts"]]
        if tuple(state["bounds"]) != DURATION_BOUNDS or len(counts) != len(DURATION_BOUNDS) + 1:
            return cls()
        return cls(DURATION_BOUNDS, float(state["seconds"]), counts)
