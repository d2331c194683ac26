"""When a check matters, how much, and how it is shown."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from pg_migration_exporter.config.checks import CheckSection
from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.status.checks import is_time_for, level_of
from pg_migration_exporter.status.model import CheckStatus
from pg_migration_exporter.status.terminal import StatusView
from pg_migration_exporter.web.pages import PageRenderer
from tests.unit.status import made
from tests.unit.status.made import CHECK, migration


def section(phase: str, severity: str = "critical") -> CheckSection:
    given = {"name": "rows", "help": "Rows.", "sql": "select true"}
    return CheckSection.model_validate(given | {"phase": phase, "severity": severity})


@pytest.mark.parametrize(
    ("states", "phases"),
    [
        ({}, {"pre"}),
        ({"game": MigrationState.PENDING}, {"pre"}),
        ({"game": MigrationState.RUNNING}, {"during"}),
        ({"shop": MigrationState.RUNNING}, {"during"}),
        ({"game": MigrationState.SUCCEEDED}, {"pre", "post"}),
        ({"game": MigrationState.DRIFTED}, {"pre", "post"}),
        ({"game": MigrationState.FAILED}, {"pre"}),
        ({"shop": MigrationState.SUCCEEDED}, {"pre"}),
        ({"game": MigrationState.SUCCEEDED, "shop": MigrationState.RUNNING}, {"during", "post"}),
    ],
)
def test_phases(states: dict[str, MigrationState], phases: set[str]) -> None:
    migrations = [migration(status, datname=datname) for datname, status in states.items()]
    now = {
        phase
        for phase in ("pre", "during", "post")
        if is_time_for(section(phase), "game", migrations)
    }
    assert now == phases


@pytest.mark.parametrize(
    ("phase", "severity", "passes", "matters", "level"),
    [
        ("post", "critical", False, True, "critical"),
        ("pre", "critical", False, True, "attention"),
        ("during", "warning", False, True, "attention"),
        ("during", "info", False, True, "info"),
        ("post", "critical", False, False, "info"),
        ("post", "critical", None, True, "unknown"),
        ("post", "critical", None, False, "info"),
        ("post", "critical", True, True, "ok"),
        ("post", "critical", True, False, "ok"),
    ],
)
def test_levels(
    *, phase: str, severity: str, passes: bool | None, matters: bool, level: str
) -> None:
    assert level_of(section(phase, severity), passes, matters=matters) == level


def shown(*checks: CheckStatus) -> dict[str, str]:
    """The checks on the page and in the terminal."""
    target: Any = made.target("db-1", checks=list(checks))
    out = StringIO()
    Console(file=out, width=200).print(StatusView(made.status(target)))
    page = PageRenderer().render(made.status(target), None)
    return {"page": page.sections["checks"], "terminal": out.getvalue()}


def test_what_fails_is_shown_with_its_reason_and_markup_is_text() -> None:
    hostile = CHECK.model_copy(update={"reason": "<b>[bold]7\x1b[2J are missing"})
    fine = CHECK.model_copy(update={"name": "indexes", "passes": True, "level": "ok"})
    texts = shown(hostile, fine)
    assert "&lt;b&gt;[bold]7" in texts["page"]
    assert "<strong>1</strong> of 2 checks pass" in texts["page"]
    assert texts["page"].index("rows") < texts["page"].index("Passing checks")
    assert "x post check rows fails: <b>[bold]7" in texts["terminal"]
    assert "\x1b[2J" not in texts["terminal"]
    assert "indexes" not in texts["terminal"]


def test_without_checks_nothing_is_shown() -> None:
    texts = shown()
    assert texts["page"].strip() == ""
    assert "check" not in texts["terminal"]
