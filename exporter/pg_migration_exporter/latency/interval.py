"""What happened between two looks at one statement's cumulative statistics: exact moments.

pg_stat_statements keeps the number of calls, their total time and their standard deviation. Count,
mean and variance of the calls between two looks follow from them without any estimate (the
pooled-variance formula, solved for the second part).
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
        """What was added since `before`. What went back was reset: then everything is new."""
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
    """Number, sum in seconds and variance of some durations."""

    calls: int = 0
    seconds: float = 0.0
    variance: float = 0.0

    @property
    def mean(self) -> float:
        """Seconds of one call, 0 if there was none."""
        return self.seconds / self.calls if self.calls else 0.0

    def over(self, calls: int) -> Moments:
        """The same durations over `calls` calls, of which the others took no time."""
        seconds = self.seconds
        square = self.calls * (self.variance + self.mean**2) / calls
        return Moments(calls, seconds, max(square - (seconds / calls) ** 2, 0.0))


@dataclass(frozen=True, slots=True)
class Interval:
    """Calls of one statement between two looks, in seconds.

    `fastest` and `slowest` bound each call: those of all calls since the statistics began.
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
        """Execution and planning of the same calls, taken as independent; None without a call."""
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
        """Seconds of one call."""
        return self.seconds / self.calls

    @property
    def squares(self) -> float:
        """The sum of the squared times."""
        return self.calls * (self.variance + self.mean**2)

    @property
    def longest(self) -> float:
        """What no call can have exceeded with this mean and variance (Samuelson's inequality)."""
        return self.mean + math.sqrt(self.variance * (self.calls - 1))

    def single_times(self) -> tuple[float, ...] | None:
        """How long each call took, where that is known: one call, two calls, or all alike."""
        mean, deviation = self.mean, self.variance**0.5
        if self.calls == 1 or mean <= 0 or deviation <= mean * 1e-6:
            return (mean,) * self.calls
        if self.calls == 2:
            return (max(mean - deviation, 0.0), mean + deviation)
        return None
