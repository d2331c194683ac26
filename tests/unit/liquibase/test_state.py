"""The state machine as a table: evidence on the left, state on the right."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from pg_migration_exporter.liquibase.locks.lock import Lock
from pg_migration_exporter.liquibase.state.decide import MigrationState, decide
from pg_migration_exporter.liquibase.state.evidence import (
    ChangelogComparison,
    Evidence,
    InferredFailure,
    ReportedFailure,
    ReportedRun,
    RunEffect,
    TableAccess,
)
from pg_migration_exporter.liquibase.state.texts import STATES

READ = Evidence(TableAccess.COMPLETE, applied=3)
LEFT_OUT = replace(READ, inferred_failure=InferredFailure("left out", "a.sql::1::me", "told to"))
AT_ONCE = replace(READ, inferred_failure=InferredFailure("recorded nothing"))
UNCLEAR = replace(READ, unknown_outcome="a rollback failed, or had nothing to do")
HELD = Lock(locked=True, locked_by="host", taken=900.0, age=50.0, has_holder=True)
DEAD = replace(HELD, has_holder=False, holder_missing_for=60.0)
DOUBTFUL = replace(DEAD, holder_missing_for=2.0)
PENDING = ChangelogComparison(
    pending=("a.sql::1::me", "a.sql::2::me"), expected=frozenset({"a.sql::1::me", "a.sql::2::me"})
)
DRIFTED = ChangelogComparison(drifted=("a.sql::0::me",))
ALL_RUN = ChangelogComparison()
UNREADABLE = ChangelogComparison(unreadable="a.xml is missing")
FAILED = ReportedFailure("1", 1001.0, "boom", "a.sql::1::me")
REFUSED = replace(FAILED, changeset="", reason="the lock is held")
INTERRUPTED = replace(FAILED, reason="it was ended by SIGTERM", is_interrupted=True)
GOOD = ReportedRun(failed=False, ended_at=1001.0)
UNFINISHED = ReportedRun(failed=False, ended_at=None)
UNDER_WAY = replace(UNFINISHED, under_way=True)


@pytest.mark.parametrize(
    ("evidence", "status"),
    [
        # what cannot be read
        (Evidence(TableAccess.ABSENT), MigrationState.NOT_INITIALISED),
        (Evidence(TableAccess.DROPPED), MigrationState.NOT_INITIALISED),
        (Evidence(TableAccess.NOT_GRANTED), MigrationState.UNKNOWN),
        (Evidence(TableAccess.BUSY), MigrationState.UNKNOWN),
        # the lock
        (replace(READ, lock=HELD), MigrationState.RUNNING),
        (replace(READ, lock=DOUBTFUL), MigrationState.RUNNING),
        (replace(READ, lock=DEAD), MigrationState.STALE_LOCK),
        (
            replace(READ, lock=DEAD, files=PENDING, last_run=RunEffect.ADDED_ROWS),
            MigrationState.STALE_LOCK,
        ),
        (replace(READ, lock=HELD, reported_failure=FAILED), MigrationState.RUNNING),
        # the lock's row cleared under a live run
        (replace(READ, sessions=1), MigrationState.RUNNING),
        (replace(READ, sessions=1, reported_failure=FAILED), MigrationState.RUNNING),
        # reported
        (replace(READ, reported_failure=FAILED), MigrationState.FAILED),
        (replace(READ, reported_failure=FAILED, files=PENDING), MigrationState.FAILED),
        (replace(READ, reported_failure=REFUSED, files=ALL_RUN), MigrationState.FAILED),
        (replace(READ, reported_failure=FAILED, files=ALL_RUN), MigrationState.SUCCEEDED),
        (replace(READ, reported_run=UNFINISHED), MigrationState.SUCCEEDED),
        (replace(READ, reported_run=GOOD), MigrationState.SUCCEEDED),
        (replace(READ, reported_run=UNDER_WAY), MigrationState.RUNNING),
        (replace(READ, reported_run=UNDER_WAY, lock=DEAD), MigrationState.STALE_LOCK),
        (
            replace(READ, reported_run=UNDER_WAY, last_run=RunEffect.LEFT_NO_ROW),
            MigrationState.RUNNING,
        ),
        (
            replace(LEFT_OUT, reported_run=GOOD, files=PENDING, last_run=RunEffect.ADDED_ROWS),
            MigrationState.FAILED,
        ),
        (replace(READ, reported_failure=FAILED, acknowledged=True), MigrationState.SUCCEEDED),
        # inferred
        (replace(LEFT_OUT, files=PENDING), MigrationState.FAILED),
        (replace(LEFT_OUT, files=PENDING, acknowledged=True), MigrationState.PENDING),
        (replace(LEFT_OUT, files=UNREADABLE), MigrationState.FAILED),
        (AT_ONCE, MigrationState.FAILED),
        (replace(AT_ONCE, acknowledged=True), MigrationState.SUCCEEDED),
        # a changeset that was taken out of the files: the next update has nothing to do
        (replace(LEFT_OUT, files=ALL_RUN), MigrationState.SUCCEEDED),
        # one that was renamed: the next update runs it
        (
            replace(LEFT_OUT, files=ChangelogComparison(pending=("a.sql::new::me",))),
            MigrationState.FAILED,
        ),
        # nobody knows how it ended
        (UNCLEAR, MigrationState.UNKNOWN),
        (replace(UNCLEAR, files=ALL_RUN), MigrationState.UNKNOWN),
        (replace(UNCLEAR, acknowledged=True), MigrationState.SUCCEEDED),
        (replace(READ, last_run=RunEffect.MAYBE_LEFT_NO_ROW), MigrationState.SUCCEEDED),
        (replace(READ, last_run=RunEffect.ADDED_ROWS), MigrationState.SUCCEEDED),
        (replace(READ, files=PENDING, last_run=RunEffect.ADDED_ROWS), MigrationState.PENDING),
        # drift, rollback, pending
        (replace(READ, files=DRIFTED), MigrationState.DRIFTED),
        (replace(READ, files=DRIFTED, last_run=RunEffect.REMOVED_ROWS), MigrationState.DRIFTED),
        (replace(READ, last_run=RunEffect.REMOVED_ROWS), MigrationState.ROLLED_BACK),
        # all of it is applied again
        (
            replace(READ, last_run=RunEffect.REMOVED_ROWS, files=ALL_RUN),
            MigrationState.SUCCEEDED,
        ),
        (replace(READ, last_run=RunEffect.REMOVED_ROWS, files=PENDING), MigrationState.ROLLED_BACK),
        (replace(READ, files=PENDING), MigrationState.PENDING),
        (replace(READ, files=ALL_RUN), MigrationState.SUCCEEDED),
        (READ, MigrationState.SUCCEEDED),
    ],
)
def test_state(evidence: Evidence, status: MigrationState) -> None:
    assert decide(evidence).status is status


def test_every_combination_has_a_state_with_a_reason_and_guidance() -> None:
    for (
        access,
        lock,
        run,
        files,
        reported,
        reported_failure,
        acknowledged,
        sessions,
        failure,
    ) in product(
        TableAccess,
        (Lock(locked=False), HELD, DEAD),
        RunEffect,
        (None, ALL_RUN, PENDING, DRIFTED, UNREADABLE),
        (None, GOOD, UNFINISHED, UNDER_WAY),
        (None, FAILED, REFUSED, INTERRUPTED),
        (False, True),
        (0, 1),
        (None, LEFT_OUT.inferred_failure),
    ):
        decision = decide(
            Evidence(
                access,
                lock=lock,
                sessions=sessions,
                last_run=run,
                inferred_failure=failure,
                reported_failure=reported_failure,
                files=files,
                reported_run=reported,
                acknowledged=acknowledged,
            )
        )
        assert decision.reason
        assert STATES[decision.status].steps
        assert not (decision.inferred and decision.source == "wrapper")
        if decision.status is MigrationState.FAILED:
            assert not acknowledged
            assert decision.inferred != (decision.source == "wrapper")


@pytest.mark.parametrize("files", [None, ALL_RUN, PENDING])
def test_rows_removed_by_hand_are_said(files: ChangelogComparison | None) -> None:
    decision = decide(replace(READ, files=files, removed_by_hand=2))
    assert decision.status is not MigrationState.ROLLED_BACK
    assert "2 rows were removed from the history without its lock: by hand" in decision.reason


def test_blocked_belongs_to_running() -> None:
    assert decide(replace(READ, lock=HELD, blocked=True)).blocked
    assert decide(replace(READ, sessions=1, blocked=True)).blocked
    assert not decide(replace(READ, blocked=True)).blocked


def test_reasons_name_the_changeset_and_what_is_not_known() -> None:
    left_out = decide(replace(LEFT_OUT, files=PENDING))
    assert left_out.changeset == "a.sql::1::me"
    assert left_out.reason == "left out (or told to, which leaves the same traces)"
    assert (
        "changeset a.sql::1::me failed: boom"
        in decide(replace(READ, reported_failure=FAILED)).reason
    )
    interrupted = decide(replace(READ, reported_failure=INTERRUPTED)).reason
    assert "interrupted by a signal at changeset a.sql::1::me" in interrupted
    assert "SIGTERM" in interrupted
    assert "no changelog file is configured" in decide(READ).reason
    assert "a.xml is missing" in decide(replace(READ, files=UNREADABLE)).reason


def test_the_doubt_about_an_outcome_that_nothing_shows_is_named() -> None:
    reason = decide(replace(READ, is_unproven=True)).reason
    assert "whether the last run failed" in reason
    assert "standby" in reason
