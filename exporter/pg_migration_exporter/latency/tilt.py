"""Give weights the mean that is known, and change them as little as possible.

Of all distributions with a given mean, exponential tilting, weight * exp(a x), is the one with the
least divergence from the weights given (Kullback, minimum discrimination information). The mean
grows with `a`, whose root Newton's method finds.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

_ROUNDS = 20
_ERROR = 2e-3


def tilt(values: Sequence[float], weights: Sequence[float], mean: float) -> list[float] | None:
    """Weights, of sum 1, whose values have that mean; None where no such weights are found."""
    if not min(values) < mean < max(values):
        return None
    scaled = [value / mean for value in values]
    a, below, above = 0.0, -math.inf, math.inf
    for _ in range(_ROUNDS):
        tilted = _tilted(scaled, weights, a)
        average = _dot(tilted, scaled)
        if abs(average - 1) < _ERROR:
            return tilted
        below, above = (a, above) if average < 1 else (below, a)
        variance = sum(map(operator.mul, tilted, ((value - average) ** 2 for value in scaled)))
        a = _between(a + (1 - average) / max(variance, 1e-12), a, below, above)
    return None


def _tilted(values: Sequence[float], weights: Sequence[float], a: float) -> list[float]:
    most = max(a * value for value in values)
    powers = [
        weight * math.exp(a * value - most) for value, weight in zip(values, weights, strict=True)
    ]
    total = sum(powers)
    return [power / total for power in powers] if total else list(powers)


def _between(wanted: float, now: float, below: float, above: float) -> float:
    """Newton's next point, unless it leaves what is known to hold the root, or leaps too far."""
    if below < wanted < above and abs(wanted - now) <= max(5.0, 2 * abs(now)):
        return wanted
    if math.isfinite(below) and math.isfinite(above):
        return (below + above) / 2
    return now + math.copysign(max(5.0, 2 * abs(now)), wanted - now)


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return float(sum(map(operator.mul, left, right)))
