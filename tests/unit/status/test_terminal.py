"""What a terminal is shown of text that others chose."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from pg_migration_exporter.engine.event_log import EventLog
from pg_migration_exporter.events import Event, EventKind
from pg_migration_exporter.status.events import describe_events
from pg_migration_exporter.status.model import TargetStatus
from pg_migration_exporter.status.phrases import STATEMENTS_SHOWN
from pg_migration_exporter.status.terminal import StatusView
from tests.unit.status import made

_HOSTILE = "quests\x1b[2J\x1b]0;mine\x07\r\u202e[bold]"


def shown(target: TargetStatus, width: int, height: int | None = None) -> str:
    out = StringIO()
    console = Console(file=out, force_terminal=True, color_system=None, width=width, height=height)
    console.print(StatusView(made.status(target), fits=height is not None))
    return out.getvalue()


@pytest.mark.parametrize("width", [20, 100])
def test_text_of_others_does_not_steer_the_terminal(width: int) -> None:
    log = EventLog()
    log.emit(Event(EventKind.INDEX_BUILD_STARTED, "game", _HOSTILE, {"command": "REINDEX"}))
    text = shown(made.target(_HOSTILE, title=_HOSTILE, events=describe_events(log)), width)
    assert "quests" in text
    assert "[bold]" in text.replace("\n", "").replace(" ", "").replace("│", "")
    assert not set(text) & set("\x07\r\u202e")
    assert "\x1b[2J" not in text
    assert "\x1b]" not in text


def waiting(statements: int) -> TargetStatus:
    """A target whose migration is held up, and so many statements."""
    waiter = {
        "pid": 7,
        "datname": "game",
        "usename": "app",
        "application_name": "liquibase",
        "state": "active",
        "is_migration": True,
        "transaction_seconds": 9,
        "kind": "CREATE INDEX",
        "statement": None,
        "waits_for": "ShareLock",
        "waited_seconds": 9,
        "waiters": [],
    }
    holder = waiter | {
        "application_name": "report",
        "is_migration": False,
        "waits_for": None,
        "waiters": [waiter],
        "state": "idle in transaction",
        "kind": "UPDATE",
    }
    waits = {"blocked": 1, "longest_seconds": 9, "behind_migrations": 0, "trees": [holder]}
    one = {"datname": "game", "usename": "app", "calls": 8, "seconds": 2.0, "rows": 8, "text": None}
    many = [{**one, "queryid": f"{number}"} for number in range(statements)]
    return made.target("db", waits=waits, statements=many)


def test_a_low_terminal_shows_the_most_urgent_and_says_what_does_not_fit() -> None:
    whole = shown(waiting(5), 80).splitlines()
    low = shown(waiting(5), 80, height=12).splitlines()
    assert low[:11] == whole[:11]
    assert "liquibase (migration) pid 7" in "\n".join(low)
    assert low[11:] == [f"... {len(whole) - 11} more lines; enlarge the terminal"]
    assert shown(waiting(5), 80, height=len(whole)).splitlines() == whole


def test_what_a_session_does_is_told_from_what_it_did() -> None:
    text = shown(waiting(0), 100)
    assert "idle in transaction, started 9 s ago; last statement UPDATE\n" in text
    assert "waits 9 s for ShareLock; CREATE INDEX\n" in text


def test_statements_that_took_most_time() -> None:
    text = shown(waiting(9), 100)
    assert text.count("queryid") == STATEMENTS_SHOWN
    assert "queryid 0; 2 s in 8 calls, 250 ms each; app in game" in text
