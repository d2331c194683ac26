"""docs/metrics.md and docs/configuration.md are what the code declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import promql_parser
import pytest

from pg_migration_exporter.collectors import COLLECTORS, Collector
from pg_migration_exporter.config import Settings
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.reference import configuration_page as configuration
from pg_migration_exporter.reference import metrics_page as metrics
from pg_migration_exporter.reference import report_obstacle
from pg_migration_exporter.reference.catalogue import FAMILIES
from pg_migration_exporter.reference.examples import example
from pg_migration_exporter.reference.peers import NAMES
from pg_migration_exporter.reference.sources import sources_of, versions_of
from tests.bundle.series_labels import DECLARED
from tests.packaging.conftest import ROOT
from tests.unit.test_config import paths_of

_OF = {
    family.name: (family, collector) for collector in COLLECTORS for family in collector.families
}


def by_name(thing: Collector[Any] | Family) -> str:
    return thing.name


def test_the_reporter_of_java_checks_the_table_like_the_wrapper() -> None:
    file = ROOT / "java/src/main/resources/pgmigrationexporter/liquibase/obstacle.sql"
    assert file.read_text(encoding="utf-8") == report_obstacle.render(), "run `make render`"


@pytest.mark.parametrize(
    ("name", "render"), [("metrics", metrics.render), ("configuration", configuration.render)]
)
def test_page_is_current(name: str, render: Callable[[], str]) -> None:
    text = (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")
    assert text == render(), "run `make render`"


def test_every_family_has_a_row() -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \| (?:gauge|counter|histogram) \|", metrics.render())
    # One that two collectors fill has a row in each.
    assert set(rows) == {family.name for family in FAMILIES}


def test_every_key_has_a_row() -> None:
    rows = set(re.findall(r"(?m)^\| `([\w.]+)` \|", configuration.render()))
    assert rows == set(paths_of(Settings().model_dump(by_alias=True)))


@pytest.mark.parametrize("family", FAMILIES, ids=by_name)
def test_example_reads_the_family_and_nothing_that_is_not_there(family: Family) -> None:
    selected = list(selectors(example(family)))
    assert any(name.startswith(family.name) for name, _ in selected)
    for name, labels in selected:
        assert labels <= DECLARED[name]


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each series that a query selects, and the labels that it selects by."""
    found: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    promql_parser.walk(promql_parser.parse(expression), visit)
    for selector in found:
        assert selector.name is not None
        yield selector.name, {matcher.name for matcher in selector.matchers.matchers}


def test_only_families_that_exist_have_a_peer() -> None:
    assert NAMES.keys() <= {family.name for family in FAMILIES}


@pytest.mark.parametrize(
    ("name", "source", "versions"),
    [
        ("postgres_wal_records_total", ["pg_stat_wal"], "14+"),
        ("postgres_wal_writes_total", ["pg_stat_wal", "pg_stat_io"], "14+"),
        ("postgres_restartpoints_done_total", ["pg_stat_checkpointer"], "17+"),
        ("postgres_io_reads_total", ["pg_stat_io"], "16+"),
        ("postgres_index_last_scan_age_seconds", None, "16+"),
        ("postgres_indexes_unused", None, "14+"),
        ("postgres_subscription_apply_errors_total", ["pg_stat_subscription_stats"], "15+"),
        ("postgres_replication_lag_seconds", None, "14+"),
        ("postgres_replication_wal_receiver_up", ["pg_stat_wal_receiver"], "14+, standby"),
    ],
)
def test_source_and_versions_are_read_from_the_sql(
    name: str, source: list[str] | None, versions: str
) -> None:
    family, collector = _OF[name]
    assert versions_of(family, collector) == versions
    assert sources_of(family, collector) == source or source is None
    assert sources_of(family, collector)


@pytest.mark.parametrize("collector", COLLECTORS, ids=by_name)
def test_every_source_is_in_the_sql(collector: Collector[Any]) -> None:
    """A view that is named and no longer read is found here."""
    texts = " ".join(text for query in collector.queries for text in query.variants.values())
    texts = texts.replace("current_setting(", "pg_settings")
    for source in collector.sources:
        if source.startswith("pg_"):
            assert source.removesuffix("()").removesuffix("*") in texts
