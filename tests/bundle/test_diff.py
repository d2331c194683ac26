from __future__ import annotations

from pathlib import Path

import pytest

from pg_migration_exporter.bundle.alert_rules import groups
from pg_migration_exporter.bundle.values import PRESETS, load_values
from tests.bundle.conftest import Cli, WriteValues


def test_same_values_make_no_difference(
    cli: Cli, write_values: WriteValues, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("diff", "defaults", write_values({})) == 0
    assert capsys.readouterr().out == ""


def test_each_change_is_one_line_with_before_and_after(
    cli: Cli, write_values: WriteValues, capsys: pytest.CaptureFixture[str]
) -> None:
    alerts = {
        "PostgresDown": {"for": "3m", "keep_firing_for": "5m"},
        "MigrationBlocked": {"annotations": {"summary": "Ask the team.", "channel": "#games"}},
        "IndexInvalid": {"enabled": False},
    }
    new = write_values({"alerts": alerts, "verdict": {"hold": ["MigrationBlocked"]}})
    assert cli("diff", "defaults", new) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "verdict" not in line] == [
        "~ pg-migration-exporter.availability: PostgresDown: for: 1m -> 3m",
        "~ pg-migration-exporter.availability: PostgresDown: keep_firing_for: (none) -> 5m",
        "~ pg-migration-exporter.migration: MigrationBlocked: annotations.summary: "
        "Migration waits for a lock. -> Ask the team.",
        "~ pg-migration-exporter.migration: MigrationBlocked: annotations.channel: "
        "(none) -> #games",
        "- pg-migration-exporter.migration: IndexInvalid",
    ]
    group = "- pg-migration-exporter.verdict: migration:verdict_condition"
    assert f'{group}{{verdict="hold", reason="PostgresDown"}}' in lines


def test_direction_matters(
    cli: Cli, write_values: WriteValues, capsys: pytest.CaptureFixture[str]
) -> None:
    new = write_values({"alerts": {"Watchdog": {"enabled": False}}})
    cli("diff", new, "defaults")
    assert capsys.readouterr().out == "+ pg-migration-exporter.info: Watchdog\n"


def test_bad_values_are_refused(
    cli: Cli, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli("diff", "defaults", tmp_path / "absent.yaml") == 2
    assert "absent.yaml: cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_name_their_environment_on_every_alert(preset: str) -> None:
    alerts = [
        rule
        for group in groups(load_values(preset=preset))
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert {alert["labels"]["environment"] for alert in alerts} == {preset}


def test_only_production_wakes_people() -> None:
    def critical(preset: str) -> set[str]:
        return {
            rule["alert"]
            for group in groups(load_values(preset=preset))
            for rule in group["rules"]
            if rule.get("labels", {}).get("severity") == "critical"
        }

    assert critical("staging") == set()
    assert critical("dry-run") < critical("production")


def test_own_values_override_the_preset(
    cli: Cli, write_values: WriteValues, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = write_values({"prometheus": {"labels": {"environment": "mine"}}})
    options = ("--preset", "staging", "--values", own, "--out", tmp_path)
    assert cli("render", "alerts", *options) == 0
    rendered = (tmp_path / "alerts/database.migration.critical.yaml").read_text()
    assert "environment: mine" in rendered
    assert "severity: critical" not in rendered
