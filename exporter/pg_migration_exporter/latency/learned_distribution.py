"""The distribution of the durations of one statement, learned from short intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pg_migration_exporter.latency.histogram import BUCKET_COUNT

#: Weight of the prior (log-normal) distribution, in calls.
_PRIOR_CALLS = 4.0
#: Older calls fade: about this many of the latest calls determine the distribution.
_MEMORY_CALLS = 1000


@dataclass(slots=True)
class LearnedDistribution:
    """Durations of one statement by bucket, of short intervals; older ones count less.

    The fewer calls an interval has, the more exact are its counts.
    """

    counts: list[float] = field(default_factory=lambda: [0.0] * BUCKET_COUNT)

    def learn(self, calls: int, counts: Sequence[float]) -> None:
        """Add `calls`, distributed over the buckets as `counts`."""
        fading = (1 - 1 / _MEMORY_CALLS) ** calls
        self.counts = [old * fading + new for old, new in zip(self.counts, counts, strict=True)]

    @property
    def weight(self) -> float:
        """Number of calls that it is based on, older ones faded."""
        return sum(self.counts)

    def shares(self) -> list[float]:
        """Return the learned shares of the buckets, of sum 1."""
        weight = self.weight
        return [count / weight for count in self.counts]

    def mixed(self, prior: Sequence[float]) -> list[float]:
        """Return the learned shares mixed with the prior ones, which weigh as a few calls."""
        weight = self.weight
        return [
            (count + _PRIOR_CALLS * share) / (weight + _PRIOR_CALLS)
            for count, share in zip(self.counts, prior, strict=True)
        ]
