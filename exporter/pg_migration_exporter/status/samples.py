"""The samples of one scrape, to ask questions of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pg_migration_exporter.metrics.families import Family, FamilySamples, Histogram, Value


class Samples:
    """What the collectors published, by family."""

    def __init__(self, families: Iterable[FamilySamples]) -> None:
        self._samples = {one.family.name: one.samples for one in families}

    def rows(self, family: Family) -> Iterator[tuple[dict[str, str], Value]]:
        """Each sample of a family: labels by name, and the value."""
        for labels, value in self._samples.get(family.name, ()):
            yield dict(zip(family.labels, labels, strict=True)), value

    def numbers(self, family: Family, **labels: str) -> list[float]:
        """The values of the samples that have these labels, histograms left out."""
        return [
            value
            for found, value in self.rows(family)
            if labels.items() <= found.items() and not isinstance(value, Histogram)
        ]

    def number(self, family: Family, **labels: str) -> float | None:
        """The value of the first such sample; None if there is none."""
        return next(iter(self.numbers(family, **labels)), None)
