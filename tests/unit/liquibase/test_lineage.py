"""Another past of a database, and what of the memory belongs to it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pg_migration_exporter.liquibase.history.changes import ChangeKind, HistoryChanges, RowChange
from pg_migration_exporter.liquibase.history.counters import RowCounters
from pg_migration_exporter.liquibase.history.history import History
from pg_migration_exporter.liquibase.history.known_history import KnownHistory
from pg_migration_exporter.liquibase.history.lineage import Continuity, Lineage
from pg_migration_exporter.liquibase.history.row import Row
from pg_migration_exporter.liquibase.locks.row import LockRow
from pg_migration_exporter.liquibase.state.evidence import RunEffect
from pg_migration_exporter.liquibase.state.memory import ChangelogMemory
from pg_migration_exporter.liquibase.state.poll import Poll
from pg_migration_exporter.liquibase.state.stored_memory import dump_memory, load_memory
from tests.fixtures.histories import read_again

ROOT = Path(__file__).parents[3]
BEFORE = Lineage("7", "00000001", False, 16384, 1000)


def row(order: int, xid: int) -> Row:
    return Row(1, f"a.sql::{order}::me", "9:x", "EXECUTED", order, None, "1", 1.0, None, xid)


def changes(known: KnownHistory, *rows: Row) -> HistoryChanges:
    history = History(known=known)
    read_again(history, rows, RowCounters())
    return history.changes


def settled(xid: int, counters: RowCounters | None = None) -> ChangelogMemory:
    """A memory that has counted everything up to a transaction."""
    memory = ChangelogMemory()
    poll = Poll(counters or RowCounters(), str(xid), idle=True, now=0.0, rows=2, last_order=2)
    memory.record_poll(poll, HistoryChanges())
    return memory


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"position": 1001}, Continuity.SAME),
        ({"position": 999}, Continuity.WENT_BACK),
        ({"timeline": "00000002"}, Continuity.SWITCHED),
        ({"timeline": "00000002", "position": 990}, Continuity.WENT_BACK),
        ({"timeline": None, "is_standby": True, "position": 990}, Continuity.SWITCHED),
        ({"database": 16999}, Continuity.OTHER_DATABASE),
        ({"system": None, "database": 16999}, Continuity.OTHER_SERVER),
        ({"system": None}, Continuity.SAME),
        ({"system": "8", "position": 5000}, Continuity.OTHER_SERVER),
    ],
)
def test_continuity(change: dict[str, Any], expected: Continuity) -> None:
    assert replace(BEFORE, **change).continuity(BEFORE) is expected
    assert Lineage.load(BEFORE.dump()) == BEFORE


def test_rows_older_than_half_the_circle() -> None:
    """A history of years, on a server that has used more than two billion transactions since."""
    now = 2**31 + 50_000
    known = KnownHistory(xid=now - 100, last_order=3, rows=3, next_xid=now)
    old = [row(1, 10), row(2, 40_000), row(3, now - 200)]
    assert not changes(known, *old)
    [change] = changes(known, *old[:2], row(3, now - 50)._replace(tag="v1")).rows
    assert change.kind is ChangeKind.TAGGED
    [change] = changes(known, *old[:2], row(3, now - 50)).rows
    assert change.kind is ChangeKind.CHECKSUM  # an update that waited for another one


def test_transactions_of_the_next_round() -> None:
    known = KnownHistory(xid=2**32 - 10, last_order=1, rows=1, next_xid=20)
    [change] = changes(known, row(1, 7)).rows
    assert change.xid == 7


def test_what_of_the_past_is_left() -> None:
    memory = settled(100)
    assert memory.continues("100")
    assert memory.continues("101")
    assert not memory.continues("99")
    assert memory.lost("99")
    memory.doubt = Continuity.OTHER_SERVER
    assert not memory.continues("101")


def test_changes_by_hand() -> None:
    memory = settled(100, RowCounters(2, 0, 0, 2))
    for changes in (
        HistoryChanges([RowChange(ChangeKind.TAGGED, 101, "a")]),
        HistoryChanges(
            [RowChange(ChangeKind.ADDED, 101, "a"), RowChange(ChangeKind.ADDED, 101, "b")]
        ),
        HistoryChanges(removed=1),
    ):
        for now in (1.0, 9.0):
            poll = Poll(RowCounters(2, 0, 0, 2), "100", idle=True, now=now, connected=False)
            assert memory.record_poll(poll, changes) == []
        assert not changes
    marked = HistoryChanges([RowChange(ChangeKind.ADDED, 109, "c")])
    for now in (10.0, 19.0):
        ended = memory.record_poll(
            Poll(RowCounters(3, 0, 0, 2), "100", idle=True, now=now, connected=False), marked
        )
    assert [run.effect for run in ended] == [RunEffect.ADDED_ROWS]


def test_rows_of_a_template() -> None:
    memory = ChangelogMemory()
    memory.start_empty(created_after=500)
    run = LockRow(version="490")
    assert memory.is_filled_by_a_dump([row(1, 480), row(2, 482)], run)
    assert not memory.is_filled_by_a_dump([row(1, 510), row(2, 512)], run)
    assert memory.is_filled_by_a_dump([row(1, 510)], LockRow(version="511", is_first=True))
    assert memory.is_filled_by_a_dump([row(1, 510), row(2, 510)], run)


def test_a_failure_that_0_1_stored() -> None:
    state = dump_memory(ChangelogMemory())
    for name in ("failure", "settled_version", "doubt", "lock"):
        del state[name]
    old = {"status": "failed", "left_out": ["a.sql::2::me"], "lock_version": "77"}
    memory = load_memory(state | old)
    assert memory.failure is not None
    assert memory.failure.changeset == "a.sql::2::me"
    assert memory.settled_version == "77"


def test_each_test_of_the_page_exists() -> None:
    page = (ROOT / "docs/migration-states.md").read_text()
    table = page.partition("## What survives")[2].partition("\n## ")[0]
    named = {
        name
        for line in table.splitlines()
        for name in re.findall(r"\btest_\w+(?!\w*\.py)", line)
        if line.startswith("|")
    }
    files = [*(ROOT / "tests/scenarios").glob("test_*.py"), Path(__file__)]
    written = "".join(file.read_text() for file in files)
    assert len(named) >= 20
    assert {name for name in named if f"def {name}(" not in written} == set()
