"""Changes the weights of a distribution as little as possible so that it has a given mean.

Of all distributions with that mean, exponential tilting, weight * exp(a x), has the least
divergence from the given weights (Kullback, minimum discrimination information). The mean grows
with `a`, which Newton's method finds.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

_MAX_ITERATIONS = 20
_MAX_ERROR = 2e-3


def tilt(values: Sequence[float], weights: Sequence[float], mean: float) -> list[float] | None:
    """Return weights, of sum 1, with which `values` have that mean; None if none are found."""
    if not min(values) < mean < max(values):
        return None
    scaled = [value / mean for value in values]
    a, below, above = 0.0, -math.inf, math.inf
    for _ in range(_MAX_ITERATIONS):
        tilted = _tilted(scaled, weights, a)
        average = _dot(tilted, scaled)
        if abs(average - 1) < _MAX_ERROR:
            return tilted
        below, above = (a, above) if average < 1 else (below, a)
        variance = sum(map(operator.mul, tilted, ((value - average) ** 2 for value in scaled)))
        a = _between(a + (1 - average) / max(variance, 1e-12), a, below, above)
    return None


def _tilted(values: Sequence[float], weights: Sequence[float], a: float) -> list[float]:
    largest = max(a * value for value in values)
    powers = [
        weight * math.exp(a * value - largest)
        for value, weight in zip(values, weights, strict=True)
    ]
    total = sum(powers)
    return [power / total for power in powers] if total else list(powers)


def _between(wanted: float, now: float, below: float, above: float) -> float:
    """Return Newton's next point, unless it is outside the bracket of the root or too far away."""
    if below < wanted < above and abs(wanted - now) <= max(5.0, 2 * abs(now)):
        return wanted
    if math.isfinite(below) and math.isfinite(above):
        return (below + above) / 2
    return now + math.copysign(max(5.0, 2 * abs(now)), wanted - now)


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return float(sum(map(operator.mul, left, right)))
