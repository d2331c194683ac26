"""Give weights the mean and the mean square that are known, and change them as little as possible.

Of all distributions with these two moments, exponential tilting, weight * exp(a x + b x²), is the
one with the least divergence from the weights given (Kullback, minimum discrimination information;
the dual is convex, so Newton's method finds a and b).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

_ROUNDS, _HALVINGS = 25, 12
#: Good to a thousandth of the mean, and to a hundredth of the mean square.
_MEAN_ERROR, _SQUARE_ERROR = 1e-3, 1e-2


def reweight(
    values: Sequence[float], weights: Sequence[float], mean: float, square: float
) -> list[float] | None:
    """Weights, of sum 1, whose values have that mean and mean square.

    None where no such weights are found: `values` do not reach that far.
    """
    problem = _Problem([value / mean for value in values], weights, square / mean**2)
    point = _Point(problem, 0.0, 0.0)
    for _ in range(_ROUNDS):
        if point.is_good:
            return point.weights
        following = point.step()
        if following is None:
            return None
        point = following
    return None


class _Problem:
    """Values in units of the wanted mean, so that both tilts are of the order of 1."""

    def __init__(self, values: list[float], weights: Sequence[float], square: float) -> None:
        self.values = values
        self.squares = [value * value for value in values]
        self.logarithms = [math.log(weight) for weight in weights]
        self.square = square


class _Point:
    """The tilted weights for one pair of tilts, and how far their moments are off."""

    def __init__(self, problem: _Problem, a: float, b: float) -> None:
        self._problem, self._a, self._b = problem, a, b
        values, squares = problem.values, problem.squares
        exponents = [
            start + a * value + b * square
            for start, value, square in zip(problem.logarithms, values, squares, strict=True)
        ]
        most = max(exponents)
        powers = [math.exp(exponent - most) for exponent in exponents]
        total = sum(powers)
        self.weights = [power / total for power in powers]
        self._mean = _dot(self.weights, values)
        self._square = _dot(self.weights, squares)
        self._dual = most + math.log(total) - a - b * problem.square

    @property
    def is_good(self) -> bool:
        return (
            abs(self._mean - 1) < _MEAN_ERROR
            and abs(self._square - self._problem.square) < _SQUARE_ERROR * self._problem.square
        )

    def step(self) -> _Point | None:
        """A better point in Newton's direction; None if there is none."""
        direction = self._direction()
        if direction is None:
            return None
        for halving in range(_HALVINGS):
            length = 0.5**halving
            point = _Point(
                self._problem, self._a + length * direction[0], self._b + length * direction[1]
            )
            if point._dual < self._dual:
                return point
        return None

    def _direction(self) -> tuple[float, float] | None:
        squares = self._problem.squares
        products = [weight * square for weight, square in zip(self.weights, squares, strict=True)]
        across = _dot(products, self._problem.values) - self._mean * self._square
        first, second = self._square - self._mean**2, _dot(products, squares) - self._square**2
        determinant = first * second - across**2
        if determinant <= 1e-12 * first * second:
            return None
        off, off_square = self._mean - 1, self._square - self._problem.square
        return (
            (across * off_square - second * off) / determinant,
            (across * off - first * off_square) / determinant,
        )


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return float(sum(map(operator.mul, left, right)))
