"""What rolled back transactions tell about a run, as measured on real Liquibase."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pg_migration_exporter.liquibase.history.rollbacks import (
    Completion,
    LastRun,
    RolledBack,
    Transactions,
)
from pg_migration_exporter.liquibase.state.decide import MigrationState, decide
from pg_migration_exporter.liquibase.state.evidence import (
    ChangelogComparison,
    Evidence,
    RunEffect,
    TableAccess,
)
from pg_migration_exporter.liquibase.state.judgement import judge
from pg_migration_exporter.liquibase.state.rollback_memory import RollbackMemory
from pg_migration_exporter.liquibase.state.runs import EndedRun

COMPLETE, FAILED, UNKNOWN = Completion.COMPLETE, Completion.FAILED, Completion.UNKNOWN


def rolled_back(count: int, **facts: Any) -> RolledBack:
    """So many transactions during a run, by its session alone."""
    return replace(RolledBack(count, is_alone=True), **facts)


def update(
    count: int, version: str = "5.0.1", *, may_begin_outside: bool = False, **facts: Any
) -> EndedRun:
    """A run of a release that recorded a changeset and rolled back so many transactions."""
    return EndedRun(
        RunEffect.ADDED_ROWS,
        ("a.sql::1::me",),
        last=LastRun(version, may_begin_outside),
        rolled_back=rolled_back(count, **facts),
    )


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (update(5, "4.20.0"), COMPLETE),
        (update(7, "4.20.0"), FAILED),
        (update(7, "4.20.0", creates_tables=True), COMPLETE),
        (update(3, "4.24.0"), COMPLETE),
        (update(4, "4.24.0"), UNKNOWN),  # it failed outside of a transaction
        (update(5, "4.24.0"), FAILED),
        (update(4, "4.27.0"), COMPLETE),
        (update(4), COMPLETE),
        (update(5), UNKNOWN),  # or one changeset with failOnError=false
        (update(6), FAILED),
        (update(6, is_alone=False), UNKNOWN),
        (update(4, is_alone=False), COMPLETE),  # others only add to it
        (update(4, may_begin_outside=True), UNKNOWN),  # or it failed outside of a transaction
        (update(3, may_begin_outside=True), COMPLETE),
        (update(3, "4.24.0", may_begin_outside=True), COMPLETE),
        (update(5, "4.20.0", may_begin_outside=True), UNKNOWN),
        (update(4, ""), UNKNOWN),
    ],
)
def test_a_run_that_recorded_changesets(run: EndedRun, expected: Completion) -> None:
    assert run.rolled_back is not None
    assert run.rolled_back.of_update(run.last) is expected
    outcome = judge(run, None, frozenset()).outcome
    assert (outcome == "succeeded") is (expected is COMPLETE)


def test_an_error_that_liquibase_tolerated() -> None:
    assert rolled_back(5).without(1).of_update(LastRun("5.0.1")) is COMPLETE


def test_update_count_releases_the_lock_twice() -> None:
    assert rolled_back(5).of_update(LastRun("5.0.1"), released_twice=True) is COMPLETE
    assert rolled_back(7).of_update(LastRun("5.0.1"), released_twice=True) is FAILED


@pytest.mark.parametrize(
    ("count", "expected"), [(2, COMPLETE), (3, UNKNOWN), (4, FAILED), (6, FAILED)]
)
def test_a_run_that_recorded_nothing(count: int, expected: Completion) -> None:
    assert rolled_back(count).of_nothing(LastRun("5.0.1")) is expected


def test_a_rollback_that_failed_stays_although_nothing_is_pending() -> None:
    files = ChangelogComparison(expected=frozenset({"a.sql::1::me"}))
    run = EndedRun(RunEffect.LEFT_NO_ROW, last=LastRun("5.0.1"), rolled_back=rolled_back(4))
    failure = judge(run, files, files.expected).failure
    evidence = Evidence(TableAccess.COMPLETE, applied=1, files=files, inferred_failure=failure)
    assert decide(evidence).status is MigrationState.FAILED


def test_no_counters_prove_nothing() -> None:
    run = EndedRun(RunEffect.ADDED_ROWS, ("a.sql::1::me",))
    assert judge(run, None, frozenset()).outcome == "unknown"


def test_what_a_session_rolls_back_before_it_takes_the_lock_counts() -> None:
    memory = RollbackMemory()
    memory.record_quiet(Transactions(10, 5), 100.0, connected=False)
    memory.record_quiet(Transactions(13, 6), 105.0, connected=True)
    assert memory.since(Transactions(16, 6), 107.0) == RolledBack(6, is_alone=True)


def test_sessions_that_have_ended_do_not_count() -> None:
    memory = RollbackMemory()
    memory.record_quiet(Transactions(10, 5), 100.0, connected=False)
    memory.record_quiet(Transactions(12, 6), 105.0, connected=False)
    assert memory.since(Transactions(16, 7), 107.0) == RolledBack(4, is_alone=True)


def test_a_session_that_stays_is_not_excluded() -> None:
    memory = RollbackMemory()
    memory.record_quiet(Transactions(10, 5), 100.0, connected=False)
    memory.record_quiet(Transactions(11, 5), 105.0, connected=False)
    assert memory.since(Transactions(17, 6), 107.0) == RolledBack(6, is_alone=False)


def test_a_session_that_waits_for_the_end_of_another_run() -> None:
    memory = RollbackMemory()
    memory.record_quiet(Transactions(10, 5), 100.0, connected=False)
    memory.end_run(Transactions(17, 7), 103.0, connected=True)  # 3 are of the one that waits
    assert memory.since(Transactions(20, 7), 107.0) == RolledBack(10, is_alone=False)


def test_a_pool_that_is_always_connected_counts_for_a_minute() -> None:
    memory = RollbackMemory()
    for seconds in range(0, 200, 5):
        counters = Transactions(seconds // 5, 5)
        memory.record_quiet(counters, float(seconds), connected=True)
    assert memory.before is not None
    assert 12 <= 39 - memory.before.rolled_back <= 24


def test_a_reset_is_no_evidence() -> None:
    memory = RollbackMemory()
    memory.record_quiet(Transactions(10, 5), 100.0, connected=False)
    assert memory.since(Transactions(4, 1), 107.0) is None
    memory.record_quiet(Transactions(4, 1), 107.0, connected=True)
    assert memory.since(Transactions(8, 2), 109.0) == RolledBack(4, is_alone=True)


def test_it_survives_a_restart() -> None:
    memory = RollbackMemory()
    memory.record_quiet(Transactions(10, 5), 100.0, connected=False)
    assert RollbackMemory.load(memory.dump()) == memory
