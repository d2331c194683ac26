"""A histogram that grows: what one interval of one statement's executions adds to each bucket.

pg_stat_statements keeps, for each statement, the number of calls, their total time and their
standard deviation. Between two looks these give the interval's count, mean and variance exactly;
how the calls spread around that mean is an estimate (see `Interval.counts_below`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

from pg_migration_exporter.families import Histogram

#: Upper bounds in seconds; the limits that people set (5, 10, 50, 100 ms, ...) are among them.
BOUNDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Totals:
    """Cumulative statistics of one statement; times in seconds, `squares` is calls * variance."""

    calls: int
    seconds: float
    squares: float
    fastest: float
    slowest: float

    def since(self, before: Totals) -> Interval:
        """What was added since `before` (the pooled-variance difference).

        Counters that went back mean a reset: then everything counted is new.
        """
        if self.calls < before.calls:
            before = Totals(0, 0.0, 0.0, 0.0, 0.0)
        calls = self.calls - before.calls
        seconds = max(self.seconds - before.seconds, 0.0)
        if not calls:
            return Interval(0, 0.0, 0.0, self.fastest, self.slowest)
        between = 0.0
        if before.calls:
            distance = before.seconds / before.calls - seconds / calls
            between = distance**2 * before.calls * calls / self.calls
        variance = max(self.squares - before.squares - between, 0.0) / calls
        return Interval(calls, seconds, variance, self.fastest, self.slowest)


@dataclass(frozen=True, slots=True)
class Interval:
    """The executions of one statement between two looks; times in seconds."""

    calls: int
    seconds: float
    variance: float
    fastest: float
    slowest: float

    def counts_below(self, bounds: Sequence[float]) -> list[float]:
        """How many of the calls took at most each bound: exact for one and for two calls."""
        mean, deviation = self.seconds / self.calls, math.sqrt(self.variance)
        if self.calls == 1 or deviation <= mean * 1e-9:
            return [float(self.calls) if mean <= bound else 0.0 for bound in bounds]
        if self.calls == 2:
            pair = (mean - deviation, mean + deviation)
            return [float(sum(time <= bound for time in pair)) for bound in bounds]
        return [self.calls * share for share in self._shares_below(bounds, mean)]

    def _shares_below(self, bounds: Sequence[float], mean: float) -> list[float]:
        """Log-normal of that mean and variance, cut off at the fastest and slowest call known."""
        sigma = math.sqrt(math.log1p(self.variance / mean**2))
        mu = math.log(mean) - sigma**2 / 2

        def share(time: float) -> float:
            return _NORMAL.cdf((math.log(time) - mu) / sigma) if time > 0 else 0.0

        lowest, highest = share(self.fastest), share(self.slowest)
        if highest <= lowest:
            return [1.0 if mean <= bound else 0.0 for bound in bounds]
        return [
            min(max((share(bound) - lowest) / (highest - lowest), 0.0), 1.0)
            if bound < self.slowest
            else 1.0
            for bound in bounds
        ]


@dataclass(slots=True)
class GrowingHistogram:
    """Buckets that only grow; sum and count are exact, the spread over buckets is estimated."""

    seconds: float = 0.0
    calls: int = 0
    below: list[float] = field(default_factory=lambda: [0.0] * len(BOUNDS))

    def add(self, interval: Interval) -> None:
        """Count the executions of an interval."""
        if not interval.calls:
            return
        self.calls += interval.calls
        self.seconds += interval.seconds
        for index, count in enumerate(interval.counts_below(BOUNDS)):
            self.below[index] += count

    def snapshot(self) -> Histogram:
        """The histogram to publish; rounding keeps buckets in order and growing."""
        counts = [min(round(count, 3), self.calls) for count in self.below]
        buckets = (*zip(BOUNDS, counts, strict=True), (math.inf, self.calls))
        return Histogram(buckets, self.seconds, self.calls)
