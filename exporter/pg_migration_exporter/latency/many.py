"""Many calls: their mean tells how fast the server was meanwhile, so the shape is stretched to it.

A variance beyond that of the shape comes from some calls that were slower than the shape knows, as
behind a lock: as few as can be, as long as the others are then about as fast as usual.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from pg_migration_exporter.latency.histogram import BOUNDS, bucket_of
from pg_migration_exporter.latency.interval import Interval
from pg_migration_exporter.latency.shape import BUCKETS, EDGES, MIDDLES, NEGLIGIBLE
from pg_migration_exporter.latency.tilt import tilt

#: Standard deviations that a sum of squares is above what the shape lets expect, to be no chance.
_SURE = 1.0
#: Others that are more than so much slower than usual were taken for it with too few slow ones.
_USUAL = 2.0
#: By how much a server's speed varies, as the square of a relative deviation: a mean that is off by
#: more than chance allows tells of speed, one that is not may tell of nothing.
_SPEED = 0.01
#: Above the slowest call that is known: what the estimate of one may be off.
_MARGIN = 1.1


def many_calls(interval: Interval, shares: Sequence[float]) -> list[float]:
    """Calls by bucket, of an interval whose mean the shape `shares`, of sum 1, is stretched to."""
    usual, square, fourth = (_moment(shares, power) for power in (1, 2, 4))
    ratio = square / usual**2
    stretch = interval.mean / usual
    chance = stretch**2 * math.sqrt(interval.calls * max(fourth - square**2, 0.0))
    slow, seconds = 0, 0.0
    if interval.squares > interval.calls * square * stretch**2 + _SURE * chance:
        slow, seconds = _slow_calls(interval, usual, ratio)
    others = interval.calls - slow
    mean = (interval.seconds - seconds) / others
    speed = _SPEED / (_SPEED + max(ratio - 1, 0.0) / others)
    stretched = _with_mean(_stretched(shares, (mean / usual) ** speed, interval), mean)
    # No tilt reaches a mean that is far from the usual one: then it is all speed.
    spread = stretched or _stretched(shares, mean / usual, interval)
    counts = [others * share for share in spread]
    if slow:
        counts[bucket_of(min(seconds / slow, interval.slowest))] += slow
    return counts


def _moment(shares: Sequence[float], power: int) -> float:
    return sum(share * middle**power for share, middle in zip(shares, MIDDLES, strict=True))


def _slow_calls(interval: Interval, usual: float, ratio: float) -> tuple[int, float]:
    """How many calls were slower than the shape knows, and their seconds together; often none."""
    best, number = (0, 0.0), 1
    while number <= interval.calls // 2:
        seconds = _together(interval, number, ratio)
        if seconds is None or seconds >= interval.seconds:
            break
        if seconds / number <= interval.slowest * _MARGIN:
            best = (number, seconds)
            if (interval.seconds - seconds) / (interval.calls - number) <= _USUAL * usual:
                break
        number *= 2
    return best


def _together(interval: Interval, number: int, ratio: float) -> float | None:
    """Seconds of `number` equal calls, so that they and the others have the interval's variance.

    The others have the shape's ratio of mean square to squared mean: with s the seconds wanted,
    s² / number + ratio (sum - s)² / (calls - number) is the sum of squares. None without a root.
    """
    own, rest = 1 / number, ratio / (interval.calls - number)
    root = (own + rest) * interval.squares - own * rest * interval.seconds**2
    if root < 0:
        return None
    return (rest * interval.seconds + math.sqrt(root)) / (own + rest)


def _with_mean(shares: Sequence[float], mean: float) -> list[float] | None:
    """The same shares, tilted to a mean: what is left to chance of how calls fell into buckets."""
    kept = {bucket: share for bucket, share in enumerate(shares) if share > NEGLIGIBLE}
    weights = tilt([MIDDLES[bucket] for bucket in kept], list(kept.values()), mean)
    if weights is None:
        return None
    found = dict(zip(kept, weights, strict=True))
    return [found.get(bucket, 0.0) for bucket in range(BUCKETS)]


def _stretched(shares: Sequence[float], factor: float, interval: Interval) -> list[float]:
    """The shares of times that are `factor` as long, between the fastest and the slowest call."""
    sums = [0.0]
    for share in shares:
        sums.append(sums[-1] + share)

    def below(bound: float) -> float:
        if bound < interval.fastest:
            return 0.0
        if bound >= interval.slowest:
            return 1.0
        seconds = min(max(bound / factor, EDGES[0]), EDGES[-1])
        bucket = min(bucket_of(seconds), BUCKETS - 1)
        lower, upper = EDGES[bucket], EDGES[bucket + 1]
        inside = math.log(seconds / lower) / math.log(upper / lower)
        return min(sums[bucket] + shares[bucket] * inside, 1.0)

    limits = [0.0, *map(below, BOUNDS), 1.0]
    return [max(until - before, 0.0) for before, until in pairwise(limits)]
