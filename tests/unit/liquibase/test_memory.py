"""What runs leave in the row counters, as measured on real Liquibase, and what is made of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pg_migration_exporter.liquibase.history.changes import ChangeKind, HistoryChanges, RowChange
from pg_migration_exporter.liquibase.history.counters import RowCounters
from pg_migration_exporter.liquibase.history.rollbacks import RolledBack, Transactions
from pg_migration_exporter.liquibase.history.statements import LockStatements
from pg_migration_exporter.liquibase.locks.lock import Lock
from pg_migration_exporter.liquibase.state.evidence import InferredFailure, RunEffect
from pg_migration_exporter.liquibase.state.judgement import Judgement
from pg_migration_exporter.liquibase.state.memory import ChangelogMemory
from pg_migration_exporter.liquibase.state.poll import LockSample, Poll
from pg_migration_exporter.liquibase.state.report_memory import Period
from pg_migration_exporter.liquibase.state.stored_memory import dump_memory, load_memory


def poll(counters: RowCounters, version: str = "", **facts: Any) -> Poll:
    """What a poll finds while nothing runs."""
    return Poll(counters, version, **{"idle": True, "now": 0.0, "connected": False} | facts)


def added(*xids: int) -> HistoryChanges:
    """Rows that these transactions added."""
    return HistoryChanges([RowChange(ChangeKind.ADDED, xid, f"a.sql::{xid}::me") for xid in xids])


def effects(
    memory: ChangelogMemory, found: Poll, changes: HistoryChanges | None = None
) -> list[str]:
    """The effects of the runs that one poll counts."""
    nothing = HistoryChanges()
    return [run.effect.value for run in memory.record_poll(found, changes or nothing)]


@pytest.fixture
def memory() -> ChangelogMemory:
    """A memory that has seen the lock's row as transaction 100 left it."""
    fresh = ChangelogMemory()
    assert effects(fresh, poll(RowCounters(), "100")) == []
    return fresh


def test_rows_before_the_release_are_of_the_run(memory: ChangelogMemory) -> None:
    changes = added(102, 104, 107)
    assert effects(memory, poll(RowCounters(3, 0, 0, 2), "105"), changes) == ["added_rows"]
    assert [row.xid for row in changes.rows] == [107]


def test_rows_count_before_their_statistics_arrive(memory: ChangelogMemory) -> None:
    assert effects(memory, poll(RowCounters(), "105"), added(102)) == ["added_rows"]
    assert effects(memory, poll(RowCounters(1, 0, 0, 2), "105", now=9.0)) == []
    assert effects(memory, poll(RowCounters(1, 0, 0, 4), "108", now=12.0)) == ["maybe_left_no_row"]


def test_a_lock_that_was_held_and_released_without_a_row(memory: ChangelogMemory) -> None:
    memory.record_lock(Lock(locked=True, taken=1.0))
    assert effects(memory, poll(RowCounters(), "103")) == ["left_no_row"]


def test_one_update_of_the_lock_is_no_run(memory: ChangelogMemory) -> None:
    assert effects(memory, poll(RowCounters(locks=1), "101")) == []
    assert effects(memory, poll(RowCounters(locks=2), "102")) == []
    assert memory.last_run is RunEffect.UNKNOWN


def test_two_updates_between_two_polls_are_a_run(memory: ChangelogMemory) -> None:
    assert effects(memory, poll(RowCounters(locks=2), "102")) == ["maybe_left_no_row"]


def test_statements_tell_two_previews_from_a_run(memory: ChangelogMemory) -> None:
    memory.statements = LockStatements(5, 5)
    previews = poll(RowCounters(locks=2), "102", statements=LockStatements(5, 7))
    assert effects(memory, previews) == []
    run = poll(RowCounters(locks=4), "104", statements=LockStatements(6, 8))
    assert effects(memory, run) == ["left_no_row"]


def test_a_session_that_stays_may_still_report(memory: ChangelogMemory) -> None:
    first = poll(RowCounters(locks=1), "102", connected=True)
    assert effects(memory, first) == []
    assert effects(memory, poll(RowCounters(locks=2), "102", now=5.0)) == ["maybe_left_no_row"]


def test_what_a_session_rolls_back_after_the_release_is_awaited() -> None:
    memory = ChangelogMemory()
    effects(memory, poll(RowCounters(), "100", transactions=Transactions(10, 5)))
    done = RowCounters(1, 0, 0, 2)
    first = poll(done, "105", now=1.0, connected=True, transactions=Transactions(14, 6))
    [run] = memory.record_poll(first, added(102))
    assert run.is_late
    assert run.rolled_back is None
    second = poll(done, "105", now=2.0, transactions=Transactions(16, 6))
    assert memory.record_poll(second, HistoryChanges()) == []
    assert memory.take_rollbacks(second) == RolledBack(6, is_alone=True)


def test_a_session_that_stays_has_reported_after_a_while() -> None:
    memory = ChangelogMemory()
    effects(memory, poll(RowCounters(), "100", transactions=Transactions(10, 5)))
    done = RowCounters(1, 0, 0, 2)
    facts = {"connected": True, "transactions": Transactions(14, 6)}
    [run] = memory.record_poll(poll(done, "105", now=1.0, **facts), added(102))
    assert run.is_late
    assert memory.take_rollbacks(poll(done, "105", now=12.0, **facts)) is None
    assert memory.take_rollbacks(poll(done, "105", now=14.0, **facts)) is not None


def test_rows_without_a_movement_of_the_lock_wait_for_it(memory: ChangelogMemory) -> None:
    changes = added(102)
    assert effects(memory, poll(RowCounters(), "100"), changes) == []
    assert effects(memory, poll(RowCounters(1, 0, 0, 2), "103", now=1.0), changes) == ["added_rows"]
    changes = added(105)
    assert effects(memory, poll(RowCounters(2, 0, 0, 2), "103", now=2.0), changes) == []
    assert effects(memory, poll(RowCounters(2, 0, 0, 2), "103", now=5.0), changes) == ["added_rows"]


def test_nothing_is_concluded_while_a_run_is_under_way(memory: ChangelogMemory) -> None:
    assert effects(memory, poll(RowCounters(0, 0, 0, 2), "105", idle=False)) == []
    assert memory.last_run is RunEffect.UNKNOWN


def test_a_first_poll_only_sets_the_mark() -> None:
    fresh = ChangelogMemory()
    changes = added(1, 2)
    assert effects(fresh, poll(RowCounters(9, 9, 9, 9), "7"), changes) == []
    assert not changes


def test_a_reset_of_the_statistics_is_no_run(memory: ChangelogMemory) -> None:
    effects(memory, poll(RowCounters(9, 9, 9, 9), "100", now=1.0))
    assert effects(memory, poll(RowCounters(0, 0, 0, 1), "100", now=99.0)) == []


def test_a_tag_is_a_run_of_its_own(memory: ChangelogMemory) -> None:
    effects(memory, poll(RowCounters(1, 0, 0, 2), "103"), added(102))
    tag = HistoryChanges([RowChange(ChangeKind.TAGGED, 104, "a.sql::102::me")])
    assert effects(memory, poll(RowCounters(1, 1, 0, 4), "105"), tag) == ["tagged"]


def test_rows_removed_by_hand_are_no_run_and_are_said(memory: ChangelogMemory) -> None:
    gone = HistoryChanges(removed=2)
    assert effects(memory, poll(RowCounters(0, 0, 2), "100"), gone) == []
    assert effects(memory, poll(RowCounters(0, 0, 2), "100", now=3.0), gone) == []
    assert memory.removed_by_hand == 2
    assert effects(memory, poll(RowCounters(1, 0, 2, 2), "105", now=4.0), added(103)) == [
        "added_rows"
    ]
    assert memory.removed_by_hand == 0


def test_two_updates_between_samples_are_surely_a_run(memory: ChangelogMemory) -> None:
    found = poll(RowCounters(locks=2), "102", is_sampled=True)
    assert effects(memory, found) == ["left_no_row"]


def test_a_sample_notices_that_the_lock_was_written() -> None:
    memory = ChangelogMemory()
    assert not memory.record_sample(LockSample(False, "100", 4))
    assert not memory.record_sample(LockSample(False, "100", 4))
    assert memory.record_sample(LockSample(True, "101", 4))
    assert memory.record_sample(LockSample(False, "102", 4))
    assert memory.record_sample(LockSample(False, "102", 6))
    assert memory.saw_lock_held


def test_a_new_table_begins_anew_and_keeps_what_was_counted() -> None:
    memory = ChangelogMemory(oid=1, counters=RowCounters(9, 9, 9, 9), runs={"succeeded": 4}, run=4)
    memory.record_table(2)
    assert memory.counters == RowCounters()
    assert memory.runs == {"succeeded": 4}
    assert effects(memory, poll(RowCounters(1, 0, 0, 2), "5"), added(4)) == ["added_rows"]


def test_a_run_ended_between_the_last_two_polls() -> None:
    memory = ChangelogMemory(counters=RowCounters())
    effects(memory, poll(RowCounters(), now=1000.0))
    effects(memory, poll(RowCounters(), idle=False, now=1600.0))
    effects(memory, poll(RowCounters(1, 0, 0, 2), "9", now=1900.0))
    assert memory.period == Period(1600.0, 1900.0)
    effects(memory, poll(RowCounters(2, 0, 0, 4), "11", now=1901.0))
    assert memory.period == Period(1900.0, 1901.0)


def test_a_run_that_nobody_watched_ended_after_the_one_before(memory: ChangelogMemory) -> None:
    effects(memory, poll(RowCounters(1, 0, 0, 2), "103", now=1000.0), added(102))
    restarted = load_memory(json.loads(json.dumps(dump_memory(memory))))
    effects(restarted, poll(RowCounters(2, 0, 0, 4), "106", now=9000.0), added(105))
    assert restarted.period == Period(1000.0, 9000.0)


FAILURE = Judgement("failed", InferredFailure("left out", "a.sql::1::me"))


def test_only_a_run_that_applies_something_repairs_a_failure() -> None:
    memory = ChangelogMemory()
    memory.record_judgement(FAILURE)
    memory.record_judgement(Judgement("succeeded"))
    assert memory.failure == FAILURE.failure
    memory.record_judgement(Judgement("succeeded", repairs=True))
    assert memory.failure is None


def test_runs_that_were_not_counted_before_a_restart_are_counted_after_it() -> None:
    memory = ChangelogMemory(uncounted=("failed", "succeeded", "succeeded"))
    restarted = load_memory(json.loads(json.dumps(dump_memory(memory))))
    assert restarted.runs == {"failed": 1, "succeeded": 2}
    assert restarted.count_runs() == ()


def test_it_survives_a_restart() -> None:
    memory = ChangelogMemory(
        oid=5, counters=RowCounters(1, 2, 3, 4), last_run=RunEffect.ADDED_ROWS, last_order=7
    )
    memory.durations.observe(0.3)
    memory.record_judgement(FAILURE)
    assert load_memory(json.loads(json.dumps(dump_memory(memory)))) == memory


def test_it_reads_what_earlier_versions_stored() -> None:
    old = dump_memory(
        ChangelogMemory(counters=RowCounters(1, 2, 3, 4), last_order=7, runs={"failed": 2})
    )
    for name in ("failure", "unknown_outcome", "settled_version", "settled_order", "settled_rows"):
        del old[name]
    del old["late_lock_updates"]
    old |= {"left_out": ["a.sql::1::me"], "last_run": "updated_rows"}
    memory = load_memory(old)
    assert (memory.runs, memory.last_order, memory.last_run) == (
        {"failed": 2},
        7,
        RunEffect.UNKNOWN,
    )


@pytest.mark.parametrize("state", [{}, {"counters": 1}, {"counters": None, "last_run": "odd"}])
def test_nonsense_is_refused(state: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        load_memory(state)
