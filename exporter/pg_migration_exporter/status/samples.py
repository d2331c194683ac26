"""The samples of one scrape, by family."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pg_migration_exporter.metrics.families import Family, FamilySamples, Histogram, Value


class Samples:
    """The samples that the collectors published in one scrape."""

    def __init__(self, families: Iterable[FamilySamples]) -> None:
        self._families = {found.family.name: found for found in families}

    def families(self) -> Iterator[FamilySamples]:
        """Yield the families, with their samples."""
        yield from self._families.values()

    def rows(self, family: Family) -> Iterator[tuple[dict[str, str], Value]]:
        """Yield the labels, by name, and the value of each sample of a family."""
        if found := self._families.get(family.name):
            for labels, value in found.samples:
                yield dict(zip(family.labels, labels, strict=True)), value

    def numbers(self, family: Family, **labels: str) -> list[float]:
        """Return the values of the samples with these labels, without histograms."""
        return [
            value
            for found, value in self.rows(family)
            if labels.items() <= found.items() and not isinstance(value, Histogram)
        ]

    def number(self, family: Family, **labels: str) -> float | None:
        """Return the value of the first sample with these labels; None without one."""
        return next(iter(self.numbers(family, **labels)), None)
