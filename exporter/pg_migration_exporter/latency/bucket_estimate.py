"""Estimates how the calls of an interval are distributed over the buckets of the histogram.

One or two calls are exact. Of more calls, the mean, the variance and bounds are known. They are
distributed like the calls of the statement in short intervals (`LearnedDistribution`), see
`few_calls` and `many_calls`; without these, log-normally with that mean and variance and bounds.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from pg_migration_exporter.latency.few_calls import few_calls
from pg_migration_exporter.latency.histogram import BOUNDS, BUCKET_COUNT, bucket_index
from pg_migration_exporter.latency.interval import Interval
from pg_migration_exporter.latency.learned_distribution import LearnedDistribution
from pg_migration_exporter.latency.many_calls import many_calls

_NORMAL = NormalDist()
#: From this number of calls on, their mean depends more on the speed of the server than on chance.
_MANY_CALLS = 20
#: Calls after which a learned distribution is used without the log-normal one.
_TRUSTED_CALLS = 100


def estimate_buckets(interval: Interval, learned: LearnedDistribution | None = None) -> list[float]:
    """Return the calls of the interval by bucket; their sum is its number of calls."""
    times = interval.single_times()
    if times is not None:
        counts = [0.0] * BUCKET_COUNT
        for seconds in times:
            counts[bucket_index(seconds)] += 1
        return counts
    shares, counts_like_learned = log_normal(interval), None
    if learned is not None and learned.weight:
        if interval.calls < _MANY_CALLS:
            counts_like_learned = few_calls(interval, learned.mixed(shares))
        elif learned.weight >= _TRUSTED_CALLS:
            counts_like_learned = many_calls(interval, learned.shares())
    return counts_like_learned or [interval.calls * share for share in shares]


def log_normal(interval: Interval) -> list[float]:
    """Return the shares of a log-normal distribution, truncated at the fastest and slowest call."""
    sigma = math.sqrt(math.log1p(interval.variance / interval.mean**2))
    mu = math.log(interval.mean) - sigma**2 / 2

    def below(seconds: float) -> float:
        return _NORMAL.cdf((math.log(seconds) - mu) / sigma) if seconds > 0 else 0.0

    lowest, highest = below(interval.fastest), below(interval.slowest)
    if highest <= lowest:
        only = bucket_index(interval.mean)
        return [float(index == only) for index in range(BUCKET_COUNT)]
    shares, before = [], 0.0
    for bound in BOUNDS:
        until = below(min(bound, interval.slowest))
        share = max((until - lowest) / (highest - lowest), before)
        shares.append(share - before)
        before = share
    return [*shares, 1.0 - before]
