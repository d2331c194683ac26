"""Checks: what is accepted, and the errors for the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pg_migration_exporter.config import Settings, load_settings
from pg_migration_exporter.config.targets import settings_by_target
from pg_migration_exporter.errors import ConfigError
from testbed.programs import ROOT

GOOD = """\
checks:
  - name: connections
    help: Room for more.
    phase: pre
    severity: critical
    sql: select true
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def load(file: Path) -> Settings:
    return load_settings(file, dsn="host=db")


@pytest.mark.parametrize(
    ("good", "bad", "line", "message"),
    [
        ("name: connections", "name: Connections", 2, "name: string should match"),
        ("phase: pre", "phase: before", 4, "phase: input should be 'pre', 'during' or 'post'"),
        ("critical", "high", 5, "severity: input should be 'critical', 'warning' or 'info'"),
        ("select true", "drop table quests", 6, "sql: not a statement that only reads"),
        ("    phase: pre\n", "", 2, "phase: field required"),
        ("    severity: critical\n", "", 2, "severity: field required"),
        ("Room for more.", "''", 3, "help: string should have at least 1 character"),
        ("    sql", "    interval: soon\n    sql", 6, "interval: not a duration"),
        ("    sql", "    only_on: replica\n    sql", 6, "only_on: input should be 'primary'"),
        ("    sql", "    metrics: {}\n    sql", 6, "metrics: unknown key"),
    ],
)
def test_an_error_names_file_line_and_key(
    file: Path, good: str, bad: str, line: int, message: str
) -> None:
    assert good in GOOD
    file.write_text(GOOD.replace(good, bad, 1))
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert str(raised.value).startswith(f"{file}:{line}: checks.0.{message}")


def test_a_name_that_two_files_have_is_refused_where_it_is(file: Path) -> None:
    other = file.parent / "more.yaml"
    other.write_text(GOOD.replace("connections", "replicas"))
    file.write_text(f"{GOOD}checks_files: [more.yaml]\n")
    assert [check.name for check in load(file).checks] == ["connections", "replicas"]
    other.write_text(GOOD)
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert (
        str(raised.value)
        == f"{other}:2: checks.0.name: 'connections' is taken; rename this statement"
    )


def test_a_file_that_is_not_there(file: Path) -> None:
    file.write_text("checks_files: [nowhere.yaml]\n")
    with pytest.raises(ConfigError, match=r"checks_files: no file matches nowhere\.yaml"):
        load(file)


def test_a_target_has_its_own_checks_or_those_of_the_file(file: Path) -> None:
    own = {"name": "own", "postgres": {"dsn": "host=a"}, "checks_files": ["own.yaml"]}
    inherits = {"name": "inherits", "postgres": {"dsn": "host=b"}}
    (file.parent / "own.yaml").write_text(GOOD.replace("connections", "replicas"))
    file.write_text(GOOD + yaml.safe_dump({"targets": [own, inherits]}))
    found = settings_by_target(load(file))
    names = {
        target: [check.name for check in settings.checks] for target, settings in found.items()
    }
    assert names == {
        "default": ["connections"],
        "own": ["replicas"],
        "inherits": ["connections"],
    }


def test_the_example_has_checks_of_each_phase(file: Path) -> None:
    file.write_text(f"checks_files: [{ROOT / 'examples/quest/checks.yaml'}]\n")
    assert {check.phase for check in load(file).checks} == {"pre", "during", "post"}
