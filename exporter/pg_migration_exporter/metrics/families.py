"""Metric families and their samples; nothing about how they are read.

A collector declares its families once, as `Family` objects; everything else (the page, the
documentation, the checks of rules and dashboards) reads those declarations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

MetricType = Literal["gauge", "counter", "histogram"]

#: The label of a bucket's upper bound. Prometheus, "Histograms and summaries".
BUCKET_LABEL = "le"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family: its name carries the unit, counters end in `_total`."""

    name: str
    type: MetricType
    help: str
    labels: tuple[str, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """The names of its series (Prometheus, "Histograms and summaries")."""
        if self.type != "histogram":
            return (self.name,)
        return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))


@dataclass(frozen=True, slots=True)
class Histogram:
    """One histogram: cumulative counts for each upper bound, `+Inf` last and equal to count."""

    buckets: tuple[tuple[float, float], ...]
    sum: float
    count: float


#: A plain number, or a histogram. An unknown value has no sample at all.
Value = float | int | Histogram
#: Label values in the order in which the family declares its labels, and the value.
Sample = tuple[Sequence[str], Value]


@dataclass(slots=True)
class FamilySamples:
    """The samples of one family in one scrape."""

    family: Family
    samples: list[Sample] = field(default_factory=list)

    def add(self, value: Value, *labels: str) -> None:
        """Add one sample; `labels` follow `family.labels`."""
        self.samples.append((labels, value))
