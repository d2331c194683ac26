"""How the calls of an interval spread over the buckets of the histogram.

One call, and two, are exact. Of more calls the mean and the variance are known, and bounds. They
are spread as the statement's times in short intervals are (`Shape`), or, for lack of these, as a
log-normal distribution; either way with that mean and variance, inside of those bounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import NormalDist

from pg_migration_exporter.latency.histogram import BOUNDS, bucket_of
from pg_migration_exporter.latency.interval import Interval
from pg_migration_exporter.latency.reweight import reweight

_NORMAL = NormalDist()
_BUCKETS = len(BOUNDS) + 1
#: A time that stands for its bucket; those of the last one are given by the slowest call.
_MIDDLES = (BOUNDS[0] / 2, *(math.sqrt(a * b) for a, b in pairwise(BOUNDS)))
#: So many times count as much as the log-normal distribution does.
_TRUST = 4.0
#: The shape follows the latest times, about so many.
_REMEMBERED = 1000
_NEGLIGIBLE = 1e-6


@dataclass(slots=True)
class Shape:
    """How the times of one statement spread in short intervals, older ones counting less.

    The fewer calls an interval has, the less of its spread is an estimate.
    """

    counts: list[float] = field(default_factory=lambda: [0.0] * _BUCKETS)

    def learn(self, calls: int, counts: Sequence[float]) -> None:
        """Remember how `calls` spread over the buckets."""
        fading = (1 - 1 / _REMEMBERED) ** calls
        self.counts = [had * fading + more for had, more in zip(self.counts, counts, strict=True)]


def spread(interval: Interval, shape: Shape | None = None) -> list[float]:
    """How many of the interval's calls fall into each bucket; their sum is its number of calls."""
    times = interval.single_times()
    if times is not None:
        counts = [0.0] * _BUCKETS
        for seconds in times:
            counts[bucket_of(seconds)] += 1
        return counts
    shares = log_normal(interval)
    if shape is not None and any(shape.counts):
        shares = _shaped(interval, shape, shares) or shares
    return [interval.calls * share for share in shares]


def log_normal(interval: Interval) -> list[float]:
    """Shares of the buckets for a log-normal distribution, cut off at the fastest and slowest."""
    sigma = math.sqrt(math.log1p(interval.variance / interval.mean**2))
    mu = math.log(interval.mean) - sigma**2 / 2

    def below(seconds: float) -> float:
        return _NORMAL.cdf((math.log(seconds) - mu) / sigma) if seconds > 0 else 0.0

    lowest, highest = below(interval.fastest), below(interval.slowest)
    if highest <= lowest:
        here = bucket_of(interval.mean)
        return [float(index == here) for index in range(_BUCKETS)]
    shares, before = [], 0.0
    for bound in BOUNDS:
        until = below(min(bound, interval.slowest))
        share = max((until - lowest) / (highest - lowest), before)
        shares.append(share - before)
        before = share
    return [*shares, 1.0 - before]


def _shaped(interval: Interval, shape: Shape, prior: list[float]) -> list[float] | None:
    """The statement's own times and the prior together, with the interval's mean and variance."""
    known = sum(shape.counts)
    possible = _possible(interval)
    mixed = {
        bucket: (shape.counts[bucket] + _TRUST * prior[bucket]) / (known + _TRUST)
        for bucket in possible
    }
    mixed = {bucket: share for bucket, share in mixed.items() if share > _NEGLIGIBLE}
    if len(mixed) < 2:
        return None
    square = interval.variance + interval.mean**2
    weights = reweight(
        [possible[bucket] for bucket in mixed], list(mixed.values()), interval.mean, square
    )
    if weights is None:
        return None
    shares = [0.0] * _BUCKETS
    for bucket, weight in zip(mixed, weights, strict=True):
        shares[bucket] = weight
    return shares


def _possible(interval: Interval) -> dict[int, float]:
    """The buckets between the fastest and the slowest call, and a time that stands for each."""
    first, last = bucket_of(interval.fastest), bucket_of(interval.slowest)
    return {
        bucket: min(
            max(_MIDDLES[bucket] if bucket < len(_MIDDLES) else interval.slowest, interval.fastest),
            interval.slowest,
        )
        for bucket in range(first, last + 1)
    }
