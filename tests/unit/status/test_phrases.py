"""The words for states, events, runbooks, times and sessions."""

from __future__ import annotations

from pathlib import Path
from string import Formatter

import pytest

import pg_migration_exporter
from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.event_log import EventLog
from pg_migration_exporter.events import Event, EventKind
from pg_migration_exporter.formatting import duration, one_line, short_duration
from pg_migration_exporter.liquibase.state.texts import BLOCKED, STATES
from pg_migration_exporter.postgres.statement_kind import kind_of
from pg_migration_exporter.status import runbooks
from pg_migration_exporter.status.events import SENTENCES, describe_events
from pg_migration_exporter.status.model import LEVELS
from pg_migration_exporter.status.phrases import session_activity
from pg_migration_exporter.status.terminal import STYLES

PACKAGE = Path(pg_migration_exporter.__file__).parent
RUNBOOKS = PACKAGE.parents[1] / "docs/runbooks"


def test_every_level_has_a_style() -> None:
    assert {text.level for text in STATES.values()} <= set(LEVELS) == set(STYLES)


def test_every_runbook_is_there() -> None:
    named = {value for name, value in vars(runbooks).items() if name.isupper()}
    named |= {text.runbook for text in (*STATES.values(), BLOCKED) if text.runbook}
    assert {f"{name}.md" for name in named} <= {file.name for file in RUNBOOKS.iterdir()}


def test_the_address_of_a_runbook() -> None:
    folder = {"status": {"runbooks": "https://runbooks.example.com/pg/"}}
    found = runbooks.runbook("PostgresDown", Settings.model_validate(folder))
    assert found is not None
    assert found.url == "https://runbooks.example.com/pg/PostgresDown.md"
    assert runbooks.runbook(None, Settings()) is None


def test_every_kind_of_event_has_a_sentence() -> None:
    assert set(SENTENCES) == set(EventKind)


@pytest.mark.parametrize("kind", SENTENCES)
def test_a_sentence_fills_every_name(kind: EventKind) -> None:
    _, template = SENTENCES[kind]
    names = [name for _, name, _, _ in Formatter().parse(template) if name]
    details: dict[str, str | float | int] = {name: f"<{name}>" for name in names}
    details |= {name: 61 for name in names if name.endswith("seconds")}
    details |= {"now": "failed", "outcome": "rolled_back"}
    log = EventLog()
    log.emit(Event(kind, "game", "<subject>", details))
    [event] = describe_events(log)
    assert "{" not in event.text
    assert ("1 min 1 s" in event.text) == any(name.endswith("seconds") for name in names)


def test_events_are_numbered_from_the_first_on() -> None:
    log = EventLog()
    for number in range(1, 1003):
        log.emit(Event(EventKind.CHANGESET_APPLIED, "game", f"{number}", {"exectype": "EXECUTED"}))
    events = describe_events(log)
    assert [events[0].number, events[-1].number, len(events)] == [1002, 3, 1000]
    assert events[0].text == "Changeset 1002 is recorded (EXECUTED)"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3600, "1 h"), (90061, "1 d 1 h")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (3.71e-5, "0.0371 ms"),
        (0.0236, "23.6 ms"),
        (0.9996, "1 s"),
        (23.6, "23.6 s"),
        (200, "3 min 20 s"),
    ],
)
def test_short_times(seconds: float, words: str) -> None:
    assert short_duration(seconds) == words


def test_long_statements() -> None:
    assert one_line("SELECT\n  1") == "SELECT 1"
    assert one_line("x" * 120) == "x" * 120
    assert one_line("x" * 121) == "x" * 120 + "..."


def test_what_a_session_does() -> None:
    assert session_activity("active", None) == "active"
    assert session_activity("active", 5) == "active, transaction started 5 s ago"
    assert session_activity("idle in transaction", 5) == "idle in transaction, started 5 s ago"


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("create  unique index\n concurrently i on t (a)", "CREATE UNIQUE INDEX CONCURRENTLY"),
        ("/* app */ -- first\n UPDATE quests SET password = 'x'", "UPDATE"),
        ("ALTER TABLE t ADD x int", "ALTER TABLE"),
        ("refresh materialized view m", "REFRESH MATERIALIZED VIEW"),
        ("secret", ""),
        ("updates", ""),
        (" " * 1000 + "/*", ""),
        ("", ""),
    ],
)
def test_kinds_of_statements(statement: str, kind: str) -> None:
    assert kind_of(statement) == kind
