"""A histogram of durations that were observed one by one, and that outlives the process."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import inf
from typing import Any

from pg_migration_exporter.families import Histogram


class Durations:
    """Counts of durations in seconds, by upper bound."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = (*bounds, inf)
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def snapshot(self) -> Histogram:
        """The histogram now, cumulative."""
        counts = tuple(accumulate(self._counts))
        return Histogram(tuple(zip(self._bounds, counts, strict=True)), self._sum, counts[-1])

    def dump(self) -> dict[str, Any]:
        """Everything, as JSON; `inf` is left to whoever knows the bounds."""
        return {"bounds": self._bounds[:-1], "counts": self._counts, "sum": self._sum}

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Durations:
        """Make it again from what `dump` returned. Raises KeyError, TypeError or ValueError."""
        durations = cls([float(bound) for bound in state["bounds"]])
        counts = [int(count) for count in state["counts"]]
        if len(counts) != len(durations._counts):
            raise ValueError("as many counts as bounds are needed")
        durations._counts, durations._sum = counts, float(state["sum"])
        return durations
