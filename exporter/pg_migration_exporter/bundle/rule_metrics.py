"""The metrics that rules read, from the syntax tree of their expressions, and custom metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import promql_parser

from pg_migration_exporter.bundle.alert_rules import groups
from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.collectors.custom import custom_collector
from pg_migration_exporter.config.custom_metrics import read_custom_metrics
from pg_migration_exporter.logs import log_metrics as metrics
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.reference.catalogue import FAMILIES

#: Series that Prometheus itself writes for each target. Prometheus, "Jobs and instances".
SYNTHETIC = frozenset(
    {
        "up",
        "scrape_duration_seconds",
        "scrape_samples_post_metric_relabeling",
        "scrape_samples_scraped",
        "scrape_series_added",
    }
)

#: Series that only the log pipeline publishes (docs/logs.md).
LOGGED = frozenset(
    name
    for family in metrics.FAMILIES
    if family.name not in {published.name for published in FAMILIES}
    for name in family.series
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, by the name of its alert or of the series that it records, and its expression."""

    name: str
    expression: str

    def metrics(self) -> list[str]:
        """Return the names of the series that the expression selects, sorted."""
        names: set[str] = set()

        def visit(node: promql_parser.Expr) -> None:
            if isinstance(node, promql_parser.VectorSelector) and node.name:
                names.add(node.name)

        promql_parser.walk(promql_parser.parse(self.expression), visit)
        return sorted(names)


def rules(values: Values) -> Iterator[Rule]:
    """Yield the alerting rules that these values make."""
    yield from _rules(values, "alert")


def records(values: Values) -> Iterator[Rule]:
    """Yield the recording rules that these values make."""
    yield from _rules(values, "record")


def _rules(values: Values, kind: str) -> Iterator[Rule]:
    for group in groups(values):
        for rule in group["rules"]:
            if kind in rule:
                yield Rule(rule[kind], rule["expr"])


def custom_families(file: Path) -> list[Family]:
    """Return the families of a file of custom metrics. Raises ConfigError."""
    return [
        family
        for _, section in read_custom_metrics([file], Path())
        for family in custom_collector(section).families
    ]
