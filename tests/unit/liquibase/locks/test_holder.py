"""Which session may hold the lock, which ones wait for it, and when it is stale."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pg_migration_exporter.liquibase.locks.holder import LockMemory, LockPoll
from pg_migration_exporter.liquibase.locks.keys import AdvisoryKey, keys_for
from pg_migration_exporter.liquibase.locks.lock import Lock, LockKind
from pg_migration_exporter.liquibase.locks.row import LockRow, TimeTaken, time_taken
from pg_migration_exporter.liquibase.locks.sessions import Session
from pg_migration_exporter.liquibase.locks.work import SessionsAtWork

FREE = LockRow(version="6")
HELD = LockRow(True, "host", "7", committed=100.0)
IDLE = Session(
    pid=1,
    named=False,
    address="local",
    started=50.0,
    changed=60.0,
    began=None,
    is_idle=True,
    is_active=False,
    statement="",
    polls_lock=False,
    reads_lock=False,
    awaits_lock=False,
    blockers=(),
    key=None,
)
RUN = replace(
    IDLE, changed=105.0, began=101.0, is_idle=False, is_active=True, statement="ALTER TABLE t ..."
)
NAMED = replace(RUN, named=True)
WAITING = replace(IDLE, pid=2, changed=104.0, began=104.0, is_idle=False, polls_lock=True)


def record(memory: LockMemory, now: float, *sessions: Session, row: LockRow = HELD) -> Lock:
    return memory.record(LockPoll(row, sessions, now))


@pytest.fixture
def memory() -> LockMemory:
    """A lock that was free at 99 and held at 101."""
    memory = LockMemory()
    record(memory, 99.0, row=FREE)
    record(memory, 101.0, RUN)
    return memory


def test_a_session_that_did_something_since_holds_the_lock(memory: LockMemory) -> None:
    lock = record(memory, 110.0, RUN, IDLE)
    assert (lock.has_holder, lock.holder_missing_for, lock.age) == (True, 0.0, 10.0)


@pytest.mark.parametrize(
    "session",
    [
        IDLE,
        replace(RUN, started=100.5),
        replace(RUN, changed=99.0),
        replace(WAITING, reads_lock=True),
    ],
)
def test_a_session_that_cannot_hold_the_lock(memory: LockMemory, session: Session) -> None:
    lock = record(memory, 111.0, session)
    assert (lock.has_holder, lock.holder_missing_for) == (False, 10.0)


def test_without_activities_any_older_session_may_hold_the_lock(memory: LockMemory) -> None:
    assert record(memory, 111.0, replace(IDLE, changed=None)).has_holder


def test_an_idle_holder_is_not_taken_for_one_that_waits(memory: LockMemory) -> None:
    """Its last statement is the same while it works outside of the database."""
    for now in (105.0, 110.0, 120.0, 160.0):
        assert record(memory, now, WAITING).holder_missing_for == 0


def test_a_session_that_polled_twice_waits(memory: LockMemory) -> None:
    record(memory, 105.0, RUN, WAITING)
    record(memory, 106.0, WAITING)
    lock = record(memory, 115.0, replace(WAITING, changed=114.0))
    assert (lock.has_holder, lock.holder_missing_for, lock.waiters) == (False, 10.0, 1)


def test_a_named_session_waits_while_another_one_is_at_work(memory: LockMemory) -> None:
    waiting = replace(WAITING, named=True)
    assert record(memory, 105.0, NAMED, waiting).waiters == 1
    assert record(memory, 107.0, waiting).holder_missing_for == 2.0


def test_a_standby_judges_no_holder() -> None:
    memory = LockMemory()
    for now in (101.0, 200.0):
        lock = memory.record(LockPoll(HELD, (), now, is_standby=True))
    assert (lock.locked, lock.is_judged, lock.holder_missing_for) == (True, False, 0.0)


def test_no_session_is_judged_by_time_after_the_clock_was_set_back(memory: LockMemory) -> None:
    record(memory, 40.0, RUN)
    lock = record(memory, 90.0, replace(RUN, started=50.0, changed=45.0))
    assert (lock.has_holder, lock.holder_missing_for) == (True, 0.0)
    assert LockMemory.load(memory.dump()).clock_went_back


def test_an_advisory_lock_has_an_exact_holder_and_hides_an_old_row() -> None:
    memory = LockMemory()
    holder = replace(RUN, key=5)
    lock = memory.record(LockPoll(HELD, [holder], 110.0, holder))
    assert (lock.kind, lock.holder_pid, lock.has_holder) == (LockKind.ADVISORY, 1, True)
    assert memory.record(LockPoll(HELD, [], 111.0)).locked is False
    assert memory.record(LockPoll(replace(HELD, version="8"), [], 112.0)).locked is True


@pytest.mark.parametrize(
    ("row", "changed_after", "taken"),
    [
        (HELD, 90.0, TimeTaken(100.0, 100.0)),
        (replace(HELD, committed=None), 90.0, TimeTaken(90.0, 101.0)),
        (replace(HELD, committed=None, granted=3699.5), 90.0, TimeTaken(99.5, 99.5)),
        (replace(HELD, committed=None, granted=3699.5), 0.0, TimeTaken(0.0, 99.5)),
        (replace(HELD, committed=None, granted=3650.0), 90.0, TimeTaken(90.0, 101.0)),
    ],
)
def test_when_it_was_taken(row: LockRow, changed_after: float, taken: TimeTaken) -> None:
    assert time_taken(row, changed_after, first_seen=101.0) == taken


def test_keys_are_the_hash_codes_of_java() -> None:
    [key] = keys_for("public", "databasechangelog", None)
    assert key == AdvisoryKey(2797599524, 3317543529)
    assert len(keys_for("public", "odd", None)) == 2


def test_a_run_whose_row_was_cleared_is_still_at_work() -> None:
    work = SessionsAtWork()
    held, free = Lock(locked=True), Lock(locked=False)
    assert work.record(held, [RUN], [RUN], 110.0).at_work
    assert work.record(free, [], [RUN], 111.0).at_work
    assert not work.record(free, [], [replace(IDLE, changed=112.0)], 113.0).at_work


def test_a_pool_with_the_name_is_quiet_once_it_was_plainly_idle() -> None:
    work = SessionsAtWork()
    pooled = replace(IDLE, named=True)
    busy = replace(NAMED, began=100.0, changed=111.0)
    free = Lock(locked=False)
    assert not work.record(free, [], [replace(busy, pid=3)], 112.0).is_quiet
    assert work.record(free, [], [pooled], 110.0).is_quiet
    assert work.record(free, [], [busy], 112.0).is_quiet


def test_a_session_blocked_by_the_run_is_not_the_run() -> None:
    work, held = SessionsAtWork(), Lock(locked=True)
    application = replace(RUN, pid=2, statement="SELECT 1", awaits_lock=True, blockers=(1,))
    assert not work.record(held, [RUN, application], [], 110.0).blocked
    blocked = replace(RUN, awaits_lock=True, blockers=(9,))
    assert work.record(held, [blocked], [], 110.0).blocked
