"""What runs leave in the row counters, as measured on real Liquibase, and what is made of it."""

from __future__ import annotations

import json

import pytest

from pg_migration_exporter.liquibase.history.counters import RowCounters
from pg_migration_exporter.liquibase.state.evidence import RunEffect
from pg_migration_exporter.liquibase.state.memory import ChangelogMemory


def after(
    memory: ChangelogMemory, *counters: RowCounters, idle: bool = True, now: float = 0.0
) -> int:
    return sum(memory.record_counters(row, idle=idle, now=now) for row in counters)


@pytest.mark.parametrize(
    ("counters", "effect"),
    [
        (RowCounters(3, 0, 0, 2), RunEffect.ADDED_ROWS),
        (RowCounters(3, 1, 0, 2), RunEffect.ADDED_ROWS),
        (RowCounters(0, 1, 0, 2), RunEffect.UPDATED_ROWS),
        (RowCounters(0, 0, 2, 2), RunEffect.REMOVED_ROWS),
        (RowCounters(0, 0, 0, 2), RunEffect.MAYBE_LEFT_NO_ROW),
    ],
)
def test_what_a_run_did(counters: RowCounters, effect: RunEffect) -> None:
    memory = ChangelogMemory(counters=RowCounters())
    assert after(memory, counters) == 1
    assert memory.last_run is effect


def test_a_run_whose_lock_was_seen_and_that_left_nothing() -> None:
    memory = ChangelogMemory(counters=RowCounters())
    memory.record_lock(locked=True, locked_by="host", version="7", taken=1.0, now=2.0)
    after(memory, RowCounters(locks=2))
    assert memory.last_run is RunEffect.LEFT_NO_ROW


def test_nothing_to_do_is_no_run() -> None:
    memory = ChangelogMemory(counters=RowCounters())
    assert after(memory, RowCounters(locks=1)) == 0
    assert after(memory, RowCounters(locks=1), now=20.0) == 0
    assert after(memory, RowCounters(locks=2), now=30.0) == 0  # another one, much later
    assert memory.last_run is RunEffect.UNKNOWN


def test_counters_that_arrive_in_two_parts_are_one_run() -> None:
    memory = ChangelogMemory(counters=RowCounters())
    after(memory, RowCounters(1, 0, 0, 1))
    assert after(memory, RowCounters(2, 0, 0, 2), now=3.0) == 1
    assert memory.last_run is RunEffect.ADDED_ROWS


def test_nothing_is_concluded_while_a_run_is_under_way() -> None:
    memory = ChangelogMemory(counters=RowCounters())
    assert after(memory, RowCounters(0, 0, 0, 2), idle=False) == 0
    assert memory.last_run is RunEffect.UNKNOWN


def test_a_first_look_only_sets_the_mark_and_a_reset_does_so_again() -> None:
    memory = ChangelogMemory()
    assert after(memory, RowCounters(9, 9, 9, 9)) == 0
    assert after(memory, RowCounters(0, 0, 0, 1)) == 0
    assert memory.counters == RowCounters(0, 0, 0, 1)


def test_a_new_table_begins_anew_and_keeps_what_was_counted() -> None:
    memory = ChangelogMemory(oid=1, counters=RowCounters(9, 9, 9, 9), runs={"succeeded": 4}, run=4)
    memory.record_table(2)
    assert memory.counters == RowCounters()
    assert memory.runs == {"succeeded": 4}
    assert after(memory, RowCounters(1, 0, 0, 2)) == 1


def test_what_was_reported_before_the_last_look_is_of_an_earlier_run() -> None:
    memory = ChangelogMemory(counters=RowCounters())
    after(memory, RowCounters(), now=1000.0)
    after(memory, RowCounters(), idle=False, now=1600.0)
    after(memory, RowCounters(1, 0, 0, 2), now=1900.0)
    assert memory.ended_after == 1570.0
    after(memory, RowCounters(2, 0, 0, 4), now=1901.0)
    assert memory.ended_after == 1900.0


def test_a_run_that_nobody_watched_ended_after_the_one_before() -> None:
    memory = ChangelogMemory(counters=RowCounters())
    after(memory, RowCounters(1, 0, 0, 2), RowCounters(1, 0, 0, 2), now=1000.0)
    restarted = ChangelogMemory.load(json.loads(json.dumps(memory.dump())))
    after(restarted, RowCounters(2, 0, 0, 4), now=9000.0)
    assert restarted.ended_after == 1000.0


def test_only_the_last_of_several_runs_has_a_known_outcome() -> None:
    memory = ChangelogMemory()
    memory.count_runs("failed", 3)
    assert memory.runs == {"failed": 1, "unknown": 2}


def test_the_holder_of_a_lock_is_missing_for_as_long_as_it_was_not_seen() -> None:
    memory = ChangelogMemory()
    seen = [
        memory.record_holder(
            memory.record_lock(locked=True, locked_by="host", version="7", taken=10.0, now=now),
            started,
            now=now,
        )
        for now, started in ((11.0, [9.0]), (12.0, [10.5]), (15.0, []), (16.0, [3.0]))
    ]
    assert [lock.has_holder for lock in seen] == [True, False, False, True]
    assert [lock.holder_missing_for for lock in seen] == [0, 1, 4, 0]
    assert [lock.age for lock in seen] == [1, 2, 5, 6]


def test_without_commit_times_the_lock_is_as_old_as_its_first_sight() -> None:
    memory = ChangelogMemory()
    for now in (100.0, 107.0):
        lock = memory.record_lock(locked=True, locked_by="h", version="7", taken=None, now=now)
    assert lock.age == 7
    assert (
        memory.record_lock(locked=True, locked_by="h", version="8", taken=None, now=110.0).age == 0
    )


def test_it_survives_a_restart() -> None:
    memory = ChangelogMemory(
        oid=5, counters=RowCounters(1, 2, 3, 4), last_run=RunEffect.ADDED_ROWS, last_order=7
    )
    memory.durations.observe(0.3)
    memory.count_runs("failed", 1)
    assert ChangelogMemory.load(json.loads(json.dumps(memory.dump()))) == memory


def test_the_stored_keys_stay() -> None:
    memory = ChangelogMemory(pending_after_last_run=["a.sql::1::me"])
    assert set(memory.dump()) == {
        "oid",
        "is_new",
        "counters",
        "run",
        "last_run",
        "ended_at",
        "ended_after",
        "acknowledged_at",
        "left_out",
        "last_order",
        "status",
        "saw_lock_held",
        "unsettled_since",
        "lock_version",
        "lock_first_seen",
        "lock_taken",
        "holder_last_seen",
        "runs",
        "durations",
    }
    assert ChangelogMemory.load(memory.dump()) == memory


@pytest.mark.parametrize("state", [{}, {"counters": 1}, {"counters": None, "last_run": "odd"}])
def test_nonsense_is_refused(state: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        ChangelogMemory.load(state)
