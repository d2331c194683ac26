"""Few calls: which of them fell into which bucket is chance, and the variance tells the slowest.

One call is as slow as the variance needs; the others follow the statement's shape below it, tilted
to the mean that is left for them. Where times have a heavy tail, that is how a large sum of squares
comes about (the principle of one big jump).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pg_migration_exporter.latency.histogram import bucket_of
from pg_migration_exporter.latency.interval import Interval
from pg_migration_exporter.latency.shape import BUCKETS, MIDDLES, NEGLIGIBLE
from pg_migration_exporter.latency.tilt import tilt

_ROUNDS = 10
#: How far the sum of squares may be off: buckets are too wide for calls that are nearly alike.
_ERROR = 0.5


def few_calls(interval: Interval, shares: Sequence[float]) -> list[float] | None:
    """Calls by bucket; None where the shape cannot have the interval's mean and variance."""
    others = _Others(interval, shares)
    low, high = interval.mean, min(interval.slowest, interval.longest)
    found, error = None, math.inf
    for _ in range(_ROUNDS):
        slowest = math.sqrt(low * high)
        counts, excess = others.beside(slowest)
        low, high = (low, slowest) if excess > 0 else (slowest, high)
        if counts is not None:
            counts[bucket_of(slowest)] += 1
            found, error = counts, abs(excess)
    return found if error <= _ERROR * interval.squares else None


class _Others:
    """The calls of an interval beside its slowest one."""

    def __init__(self, interval: Interval, shares: Sequence[float]) -> None:
        self._interval = interval
        first, last = bucket_of(interval.fastest), bucket_of(interval.slowest)
        self._shares = {
            bucket: (min(max(MIDDLES[bucket], interval.fastest), interval.slowest), shares[bucket])
            for bucket in range(first, last + 1)
            if shares[bucket] > NEGLIGIBLE
        }

    def beside(self, slowest: float) -> tuple[list[float] | None, float]:
        """Their counts by bucket, and by how much the sum of squares is too large then.

        No counts, and no end of squares, where the others would have to be faster than any; no end
        of them missing, where they would have to be slower than the slowest.
        """
        interval, calls = self._interval, self._interval.calls - 1
        mean = (interval.seconds - slowest) / calls
        kept = {bucket: pair for bucket, pair in self._shares.items() if pair[0] <= slowest}
        if len(kept) < 2:
            return None, -math.inf
        values = [value for value, _ in kept.values()]
        weights = tilt(values, [share for _, share in kept.values()], mean)
        if weights is None:
            return None, -math.inf if mean >= values[-1] else math.inf
        counts, squares = [0.0] * BUCKETS, slowest**2
        for bucket, value, weight in zip(kept, values, weights, strict=True):
            counts[bucket] = calls * weight
            squares += calls * weight * value**2
        return counts, squares - interval.squares
