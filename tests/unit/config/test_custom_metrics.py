"""Custom metrics: what is accepted, and the errors for the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pg_migration_exporter.config import Settings, load_settings
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.reference.catalogue import TAKEN_NAMES

GOOD = """\
custom_metrics:
  - name: quests
    sql: select 1 as quests
    metrics:
      quests: {type: gauge, help: Quests.}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def load(file: Path) -> Settings:
    return load_settings(file, dsn="host=db", taken=TAKEN_NAMES)


@pytest.mark.parametrize(
    ("good", "bad", "line", "message"),
    [
        ("name: quests", "name: Quests", 2, "custom_metrics.0.name: string should match"),
        ("select 1", "delete 1", 3, "custom_metrics.0.sql: not a statement that only reads"),
        ("      quests:", "      2x:", 5, "custom_metrics.0.metrics.2x: not a metric name"),
        ("gauge", "guage", 5, "metrics.quests.type: input should be 'counter', 'gauge' or"),
        ("gauge", "counter", 2, "metrics.quests: the name of a counter must end in _total"),
        ("Quests.}", "Quests., labels: [a b]}", 5, "quests.labels.0: not a label name"),
        ("Quests.}", "Quests., labels: [__a]}", 5, "quests.labels.0: not a label name"),
        ("Quests.}", "Quests., labels: [datname]}", 5, "the label datname is set by the exporter"),
        ("Quests.}", "Quests., labels: [a, a]}", 5, "quests: labels: each name can be used once"),
        (
            "Quests.}",
            "Quests., buckets: [1]}",
            5,
            "quests: buckets: only for a histogram, not for a gauge",
        ),
        ("Quests.}", "Quests., bukets: [1]}", 5, "quests.bukets: unknown key"),
        ("gauge", "histogram, buckets: [2, 1]", 5, "buckets: bounds must be finite and increasing"),
        ("gauge", "histogram, buckets: [.inf]", 5, "buckets: bounds must be finite and increasing"),
        ("    sql", "    only_on: replica\n    sql", 3, "only_on: input should be 'primary'"),
        ("    sql", "    interval: soon\n    sql", 3, "interval: not a duration"),
        ("      quests:", "      postgres_up:", 5, "postgres_up is a metric of the exporter"),
        (
            "quests: {type: gauge",
            "liquibase_changeset_duration: {type: histogram",
            None,
            "",
        ),
        (
            "quests: {type: gauge",
            "postgres_query_duration_seconds_sum: {type: gauge",
            5,
            "postgres_query_duration_seconds_sum is a metric of the exporter itself",
        ),
    ],
)
def test_an_error_names_file_line_and_key(
    file: Path, good: str, bad: str, line: int | None, message: str
) -> None:
    assert good in GOOD
    file.write_text(GOOD.replace(good, bad, 1))
    if line is None:
        assert load(file).custom_metrics
        return
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert str(raised.value).startswith(f"{file}:{line}: custom_metrics.0")
    assert message in str(raised.value)


def test_files_are_read_beside_the_configuration(file: Path) -> None:
    (file.parent / "metrics").mkdir()
    for name in ("one", "two"):
        other = file.parent / "metrics" / f"{name}.yaml"
        other.write_text(GOOD.replace("quests", name))
    file.write_text(f"{GOOD}custom_metrics_files: [metrics/*.yaml]\n")
    assert [section.name for section in load(file).custom_metrics] == ["quests", "one", "two"]


def test_a_name_that_two_files_have_is_refused_where_it_is(file: Path) -> None:
    other = file.parent / "other.yaml"
    file.write_text(f"{GOOD}custom_metrics_files: [other.yaml]\n")
    other.write_text(GOOD)
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert str(raised.value) == (
        f"{other}:2: custom_metrics.0.name: 'quests' is taken; rename this statement"
    )
    other.write_text(GOOD.replace("name: quests", "name: others"))
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert str(raised.value) == (
        f"{other}:5: custom_metrics.0.metrics.quests: quests is a metric of the statement quests; "
        "rename it"
    )


def test_a_gauge_may_not_be_called_what_openmetrics_calls_a_counter(file: Path) -> None:
    counter = "      quests_total: {type: counter, help: Quests.}\n"
    file.write_text(GOOD + counter)
    with pytest.raises(
        ConfigError, match=r"6: .*quests is a metric of the statement quests; rename it"
    ):
        load(file)
    file.write_text(GOOD.replace("quests:", "liquibase_runs:"))
    with pytest.raises(ConfigError, match=r"5: .*liquibase_runs is a metric of the exporter"):
        load(file)


@pytest.mark.parametrize(
    "sql",
    ["SELECT 1", "  -- why\n/* a\n b */ with a as (select 1) select 2", "values (1)", "table t"],
)
def test_statements_that_read(file: Path, sql: str) -> None:
    file.write_text(GOOD.replace("select 1 as quests", json.dumps(sql)))
    assert load(file).custom_metrics[0].sql == sql


def test_a_long_text_that_is_no_statement_is_refused_at_once(file: Path) -> None:
    file.write_text(GOOD.replace("select 1", "-" * 2 + " " * 100_000 + "x"))
    with pytest.raises(ConfigError, match="not a statement that only reads"):
        load(file)
