"""Every state has its text, and documentation, dashboards and alerts agree with it."""

from __future__ import annotations

from pathlib import Path

from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.liquibase.state.texts import (
    BLOCKED,
    INFERRED,
    STATES,
    UNCONFIRMED,
    describe,
    label,
)
from pg_migration_exporter.reference.states_page import render_page
from tests.fixtures.yaml_text import load_yaml

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = ROOT / "docs/migration-states.md"
ALERTS = ROOT / "alerts"


def test_every_state_has_a_text_in_order_of_precedence() -> None:
    assert list(STATES) == list(MigrationState)


def test_every_state_has_a_number_of_its_own() -> None:
    assert sorted(text.number for text in STATES.values()) == list(range(len(STATES)))


def test_every_state_has_an_alert_of_its_own_but_the_one_before_the_first_migration() -> None:
    runbooks = [text.runbook for text in STATES.values() if text.runbook]
    assert len(set(runbooks)) == len(runbooks) == len(STATES) - 1
    assert not STATES[MigrationState.NOT_INITIALISED].runbook


def test_the_severity_is_that_of_the_alert() -> None:
    groups = [
        group for file in ALERTS.glob("*.yaml") for group in load_yaml(file.read_text())["groups"]
    ]
    severities = {
        rule["alert"]: rule["labels"]["severity"]
        for group in groups
        for rule in group["rules"]
        if "alert" in rule
    }
    for text in (*STATES.values(), BLOCKED, INFERRED, UNCONFIRMED):
        assert text.severity == severities.get(text.runbook, "")


def test_the_page_is_rendered() -> None:
    page = DOCUMENT.read_text()
    assert render_page(page) == page, "run `make render`"


def test_a_decision_chooses_the_text() -> None:
    assert describe(MigrationState.RUNNING, "database", blocked=True, inferred=False) is BLOCKED
    assert describe(MigrationState.FAILED, "database", blocked=False, inferred=True) is INFERRED
    unconfirmed = describe(MigrationState.SUCCEEDED, "database", blocked=False, inferred=False)
    assert unconfirmed is UNCONFIRMED
    for state, text in STATES.items():
        assert describe(state, "changelog", blocked=False, inferred=False) is text


def test_labels() -> None:
    assert label(MigrationState.STALE_LOCK) == "stale lock"
    assert label(MigrationState.RUNNING, blocked=True) == "running, blocked"
    assert label(MigrationState.FAILED, inferred=True) == "failed, inferred"
