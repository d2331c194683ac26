"""How the calls of an interval spread over the buckets of the histogram.

One call, and two, are exact. Of more calls the mean and the variance are known, and bounds. They
are spread as the statement's times in short intervals are (`Shape`): see `few` and `many`. For lack
of a shape they are taken as log-normal, with that mean and variance, inside of those bounds.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from pg_migration_exporter.latency.few import few_calls
from pg_migration_exporter.latency.histogram import BOUNDS, bucket_of
from pg_migration_exporter.latency.interval import Interval
from pg_migration_exporter.latency.many import many_calls
from pg_migration_exporter.latency.shape import BUCKETS, Shape

_NORMAL = NormalDist()
#: From so many calls on, their mean tells more of the server's speed than of chance.
_MANY = 20
#: Times that a shape rests on before it is believed without the log-normal distribution.
_ENOUGH = 100


def spread(interval: Interval, shape: Shape | None = None) -> list[float]:
    """How many of the interval's calls fall into each bucket; their sum is its number of calls."""
    times = interval.single_times()
    if times is not None:
        counts = [0.0] * BUCKETS
        for seconds in times:
            counts[bucket_of(seconds)] += 1
        return counts
    shares, shaped = log_normal(interval), None
    if shape is not None and shape.known:
        if interval.calls < _MANY:
            shaped = few_calls(interval, shape.mixed(shares))
        elif shape.known >= _ENOUGH:
            shaped = many_calls(interval, shape.shares())
    return shaped or [interval.calls * share for share in shares]


def log_normal(interval: Interval) -> list[float]:
    """Shares of the buckets for a log-normal distribution, cut off at the fastest and slowest."""
    sigma = math.sqrt(math.log1p(interval.variance / interval.mean**2))
    mu = math.log(interval.mean) - sigma**2 / 2

    def below(seconds: float) -> float:
        return _NORMAL.cdf((math.log(seconds) - mu) / sigma) if seconds > 0 else 0.0

    lowest, highest = below(interval.fastest), below(interval.slowest)
    if highest <= lowest:
        here = bucket_of(interval.mean)
        return [float(index == here) for index in range(BUCKETS)]
    shares, before = [], 0.0
    for bound in BOUNDS:
        until = below(min(bound, interval.slowest))
        share = max((until - lowest) / (highest - lowest), before)
        shares.append(share - before)
        before = share
    return [*shares, 1.0 - before]
