"""The rules against what the exporter declares: no name, label or collector that is not there."""

from __future__ import annotations

import re
from typing import Any

import promql_parser
import pytest

from pg_migration_exporter.bundle.rule_metrics import records, rules
from pg_migration_exporter.bundle.values import load_values
from pg_migration_exporter.collectors import COLLECTORS
from tests.bundle.all_alerts import ALERTS
from tests.bundle.series_labels import TARGET_LABELS, labels_of, series_of


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_rule_reads_declared_series_and_names_labels_that_its_result_has(
    rule: dict[str, Any],
) -> None:
    result = labels_of(promql_parser.parse(rule["expr"]))
    # The address of the panel has only the labels that are there.
    texts = [text for name, text in rule["annotations"].items() if name != "dashboard_url"]
    named = set(re.findall(r"\$labels\.(\w+)", " ".join(texts)))
    assert named or not result
    assert named <= result
    # pint labels/conflict. Only a check's severity is meant to become its alert's.
    assert result & rule["labels"].keys() <= {"severity"}


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("postgres_is_up == 0", "no family is declared for postgres_is_up"),
        ('postgres_up{datname="a"} == 0', "postgres_up has no {'datname'}"),
        ("up unless on (datname) postgres_up", "not on both sides"),
        ("max by (datname) (postgres_up)", "is not there"),
        ("max (postgres_up)", "write by"),
    ],
)
def test_an_undeclared_name_or_label_would_be_found(expression: str, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        labels_of(promql_parser.parse(expression))


def test_labels_that_a_function_drops_are_gone() -> None:
    quantile = "histogram_quantile(0.5, rate(postgres_query_duration_seconds_bucket[5m]))"
    assert labels_of(promql_parser.parse(quantile)) == TARGET_LABELS | {"datname", "source"}


def test_the_blind_alert_watches_the_collectors_that_rules_read() -> None:
    """Those of PgBouncer have an alert of their own; `server` is what postgres_up comes from; and
    `checks` asks the server nothing: each check has a collector that MigrationCheckUnknown watches.

    What two collectors publish is the first one's: pools are the server's before PgBouncer's.
    """
    published_by = {
        series: collector.name
        for collector in reversed(COLLECTORS)
        for family in collector.families
        for series in series_of(family)
    }
    values = load_values()
    read = {
        published_by[name]
        for rule in (*rules(values), *records(values))
        for name in rule.metrics()
        if name in published_by
    }
    watched = set(values.alerts.entry("MigrationExporterBlind")["collectors"])
    assert read - {"server", "pgbouncer", "checks"} == watched
