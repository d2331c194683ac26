"""Buckets of an interval with few calls, whose variance determines the slowest call.

One call is as slow as the variance requires; the others follow the learned distribution below it,
tilted to the remaining mean. With a heavy tail, a large sum of squares is most likely the result of
one slow call (the principle of one big jump).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pg_migration_exporter.latency.exponential_tilting import tilt
from pg_migration_exporter.latency.histogram import (
    BUCKET_COUNT,
    MIDPOINTS,
    NEGLIGIBLE_SHARE,
    bucket_index,
)
from pg_migration_exporter.latency.interval import Interval

_MAX_ITERATIONS = 10
#: Largest relative error of the sum of squares: buckets are too wide for nearly equal calls.
_MAX_ERROR = 0.5


def few_calls(interval: Interval, shares: Sequence[float]) -> list[float] | None:
    """Return calls by bucket; None if `shares` do not fit the interval's mean and variance."""
    others = _OtherCalls(interval, shares)
    low, high = interval.mean, min(interval.slowest, interval.longest)
    best, error = None, math.inf
    for _ in range(_MAX_ITERATIONS):
        slowest = math.sqrt(low * high)
        counts, excess = others.distribute(slowest)
        low, high = (low, slowest) if excess > 0 else (slowest, high)
        if counts is not None:
            counts[bucket_index(slowest)] += 1
            best, error = counts, abs(excess)
    return best if error <= _MAX_ERROR * interval.squares else None


class _OtherCalls:
    """The calls of an interval except the slowest one."""

    def __init__(self, interval: Interval, shares: Sequence[float]) -> None:
        self._interval = interval
        first, last = bucket_index(interval.fastest), bucket_index(interval.slowest)
        self._shares = {
            bucket: (
                min(max(MIDPOINTS[bucket], interval.fastest), interval.slowest),
                shares[bucket],
            )
            for bucket in range(first, last + 1)
            if shares[bucket] > NEGLIGIBLE_SHARE
        }

    def distribute(self, slowest: float) -> tuple[list[float] | None, float]:
        """Return their counts by bucket, and the excess of the sum of squares.

        Without counts, the excess is infinite if they would have to be faster than any bucket, and
        negative infinite if they would have to be slower than the slowest call.
        """
        interval, calls = self._interval, self._interval.calls - 1
        mean = (interval.seconds - slowest) / calls
        usable = {
            bucket: (value, share)
            for bucket, (value, share) in self._shares.items()
            if value <= slowest
        }
        if len(usable) < 2:
            return None, -math.inf
        values = [value for value, _ in usable.values()]
        weights = tilt(values, [share for _, share in usable.values()], mean)
        if weights is None:
            return None, -math.inf if mean >= values[-1] else math.inf
        counts, squares = [0.0] * BUCKET_COUNT, slowest**2
        for bucket, value, weight in zip(usable, values, weights, strict=True):
            counts[bucket] = calls * weight
            squares += calls * weight * value**2
        return counts, squares - interval.squares
