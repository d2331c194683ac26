"""Buckets of an interval with many calls: the learned distribution is stretched to their mean.

Their mean shows how fast the server was. A variance above that of the distribution is attributed to
calls slower than any learned one, for example behind a lock: to as few as possible, as long as the
others are about as fast as usual.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from pg_migration_exporter.latency.exponential_tilting import tilt
from pg_migration_exporter.latency.histogram import (
    BOUNDS,
    BUCKET_COUNT,
    EDGES,
    MIDPOINTS,
    NEGLIGIBLE_SHARE,
    bucket_index,
)
from pg_migration_exporter.latency.interval import Interval

#: Standard deviations above the expected sum of squares from which the excess is not chance.
_SIGNIFICANT = 1.0
#: If the other calls are slower than usual by more than this factor, more calls must be slow.
_MAX_SLOWDOWN = 2.0
#: Variance of a server's relative speed: a mean that deviates by more than chance allows is
#: attributed to speed, a smaller deviation partly to chance.
_SPEED_VARIANCE = 0.01
#: An estimated duration may exceed the slowest known call by this factor.
_MARGIN = 1.1


def many_calls(interval: Interval, shares: Sequence[float]) -> list[float]:
    """Return calls by bucket: `shares`, of sum 1, stretched to the mean of the interval."""
    usual, square, fourth = (_moment(shares, power) for power in (1, 2, 4))
    ratio = square / usual**2
    stretch = interval.mean / usual
    chance = stretch**2 * math.sqrt(interval.calls * max(fourth - square**2, 0.0))
    slow, seconds = 0, 0.0
    if interval.squares > interval.calls * square * stretch**2 + _SIGNIFICANT * chance:
        slow, seconds = _slow_calls(interval, usual, ratio)
    others = interval.calls - slow
    mean = (interval.seconds - seconds) / others
    speed = _SPEED_VARIANCE / (_SPEED_VARIANCE + max(ratio - 1, 0.0) / others)
    stretched = _with_mean(_stretched(shares, (mean / usual) ** speed, interval), mean)
    # Tilting cannot reach a mean that is far from the usual one: then all of it is speed.
    distribution = stretched or _stretched(shares, mean / usual, interval)
    counts = [others * share for share in distribution]
    if slow:
        counts[bucket_index(min(seconds / slow, interval.slowest))] += slow
    return counts


def _moment(shares: Sequence[float], power: int) -> float:
    return sum(share * middle**power for share, middle in zip(shares, MIDPOINTS, strict=True))


def _slow_calls(interval: Interval, usual: float, ratio: float) -> tuple[int, float]:
    """Return how many calls were slower than the learned ones, and their total seconds."""
    best, number = (0, 0.0), 1
    while number <= interval.calls // 2:
        seconds = _seconds_of_equal_calls(interval, number, ratio)
        if seconds is None or seconds >= interval.seconds:
            break
        if seconds / number <= interval.slowest * _MARGIN:
            best = (number, seconds)
            if (interval.seconds - seconds) / (interval.calls - number) <= _MAX_SLOWDOWN * usual:
                break
        number *= 2
    return best


def _seconds_of_equal_calls(interval: Interval, number: int, ratio: float) -> float | None:
    """Return the total seconds of `number` equal calls that explain the variance of the interval.

    The other calls have the distribution's ratio of mean square to squared mean: with s the result,
    s² / number + ratio (sum - s)² / (calls - number) is the sum of squares. None if unsolvable.
    """
    own, rest = 1 / number, ratio / (interval.calls - number)
    root = (own + rest) * interval.squares - own * rest * interval.seconds**2
    if root < 0:
        return None
    return (rest * interval.seconds + math.sqrt(root)) / (own + rest)


def _with_mean(shares: Sequence[float], mean: float) -> list[float] | None:
    """Return the shares tilted to a mean: the part of its deviation that is chance."""
    usable = {bucket: share for bucket, share in enumerate(shares) if share > NEGLIGIBLE_SHARE}
    weights = tilt([MIDPOINTS[bucket] for bucket in usable], list(usable.values()), mean)
    if weights is None:
        return None
    tilted = dict(zip(usable, weights, strict=True))
    return [tilted.get(bucket, 0.0) for bucket in range(BUCKET_COUNT)]


def _stretched(shares: Sequence[float], factor: float, interval: Interval) -> list[float]:
    """Return the shares of durations `factor` times as long, between fastest and slowest call."""
    sums = [0.0]
    for share in shares:
        sums.append(sums[-1] + share)

    def below(bound: float) -> float:
        if bound < interval.fastest:
            return 0.0
        if bound >= interval.slowest:
            return 1.0
        seconds = min(max(bound / factor, EDGES[0]), EDGES[-1])
        bucket = min(bucket_index(seconds), BUCKET_COUNT - 1)
        lower, upper = EDGES[bucket], EDGES[bucket + 1]
        inside = math.log(seconds / lower) / math.log(upper / lower)
        return min(sums[bucket] + shares[bucket] * inside, 1.0)

    limits = [0.0, *map(below, BOUNDS), 1.0]
    return [max(until - before, 0.0) for before, until in pairwise(limits)]
