"""How the times of one statement spread, learned from short intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pg_migration_exporter.latency.histogram import BOUNDS

#: Where buckets begin and end, in seconds: the first and the last one are given an end.
EDGES: tuple[float, ...] = (BOUNDS[0] / 4, *BOUNDS, BOUNDS[-1] * 4)
#: A time that stands for each bucket.
MIDDLES: tuple[float, ...] = tuple(math.sqrt(lower * upper) for lower, upper in pairwise(EDGES))
BUCKETS = len(MIDDLES)
#: A share of the calls that is none.
NEGLIGIBLE = 1e-6

#: So many times count as much as the log-normal distribution does.
_TRUST = 4.0
#: The shape follows the latest times, about so many.
_REMEMBERED = 1000


@dataclass(slots=True)
class Shape:
    """How the times of one statement spread in short intervals, older ones counting less.

    The fewer calls an interval has, the less of its spread is an estimate.
    """

    counts: list[float] = field(default_factory=lambda: [0.0] * BUCKETS)

    def learn(self, calls: int, counts: Sequence[float]) -> None:
        """Remember how `calls` spread over the buckets."""
        fading = (1 - 1 / _REMEMBERED) ** calls
        self.counts = [had * fading + more for had, more in zip(self.counts, counts, strict=True)]

    @property
    def known(self) -> float:
        """How many times it rests on."""
        return sum(self.counts)

    def shares(self) -> list[float]:
        """What was learned alone: shares of the buckets, of sum 1."""
        known = self.known
        return [count / known for count in self.counts]

    def mixed(self, prior: Sequence[float]) -> list[float]:
        """What was learned, and as a few times more what is assumed without it."""
        known = self.known
        return [
            (count + _TRUST * share) / (known + _TRUST)
            for count, share in zip(self.counts, prior, strict=True)
        ]
