"""The exact moments of the calls between two reads of the cumulative statistics of a statement.

pg_stat_statements has the number of calls, their total time and their standard deviation. Count,
mean and variance of the calls between two reads follow from them exactly (the formula of the pooled
variance, solved for the second part).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Totals:
    """Cumulative statistics; `seconds` is the sum, `squares` is calls times variance."""

    calls: int = 0
    seconds: float = 0.0
    squares: float = 0.0

    def since(self, before: Totals) -> Moments:
        """Return the moments added since `before`; counters that fell were reset to zero."""
        if self.calls < before.calls or self.seconds < before.seconds:
            before = Totals()
        calls = self.calls - before.calls
        if not calls:
            return Moments()
        seconds = self.seconds - before.seconds
        between = 0.0
        if before.calls:
            distance = before.seconds / before.calls - seconds / calls
            between = distance**2 * before.calls * calls / self.calls
        return Moments(calls, seconds, max(self.squares - before.squares - between, 0.0) / calls)


@dataclass(frozen=True, slots=True)
class Moments:
    """Number, sum in seconds and variance of durations."""

    calls: int = 0
    seconds: float = 0.0
    variance: float = 0.0

    @property
    def mean(self) -> float:
        """Mean seconds of a call, 0 without calls."""
        return self.seconds / self.calls if self.calls else 0.0

    def over(self, calls: int) -> Moments:
        """Return the same durations over `calls` calls, the additional ones with duration 0."""
        seconds = self.seconds
        square = self.calls * (self.variance + self.mean**2) / calls
        return Moments(calls, seconds, max(square - (seconds / calls) ** 2, 0.0))


@dataclass(frozen=True, slots=True)
class Interval:
    """Calls of one statement between two reads; durations in seconds.

    `fastest` and `slowest` bound each call: the extremes since the statistics were reset.
    """

    calls: int
    seconds: float
    variance: float
    fastest: float
    slowest: float

    @classmethod
    def of(
        cls, execution: Moments, planning: Moments, fastest: float, slowest: float
    ) -> Interval | None:
        """Add execution and planning of the same calls, as independent; None without a call."""
        calls = execution.calls
        if not calls:
            return None
        planned = planning.over(calls)
        return cls(
            calls,
            execution.seconds + planned.seconds,
            execution.variance + planned.variance,
            fastest,
            slowest,
        )

    @property
    def mean(self) -> float:
        """Mean seconds of a call."""
        return self.seconds / self.calls

    @property
    def squares(self) -> float:
        """The sum of the squared durations."""
        return self.calls * (self.variance + self.mean**2)

    @property
    def longest(self) -> float:
        """Upper bound of each call with this mean and variance (Samuelson's inequality)."""
        return self.mean + math.sqrt(self.variance * (self.calls - 1))

    def single_times(self) -> tuple[float, ...] | None:
        """Return the duration of each call where it is known: one, two, or only equal calls."""
        mean, deviation = self.mean, self.variance**0.5
        if self.calls == 1 or mean <= 0 or deviation <= mean * 1e-6:
            return (mean,) * self.calls
        if self.calls == 2:
            return (max(mean - deviation, 0.0), mean + deviation)
        return None
