"""The state machine as a table: evidence on the left, state on the right."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from pg_migration_exporter.liquibase.evidence import (
    Evidence,
    Expected,
    Lock,
    Reading,
    Reported,
    Run,
)
from pg_migration_exporter.liquibase.guidance import GUIDANCE
from pg_migration_exporter.liquibase.state import Status, decide

READ = Evidence(Reading.COMPLETE, applied=3, ended_after=1000.0)
LEFT_OUT = replace(READ, left_out=("a.sql::1::me", "a.sql::2::me"))
HELD = Lock(locked=True, locked_by="host", taken=900.0, age=50.0, has_holder=True)
DEAD = replace(HELD, has_holder=False, holder_missing_for=60.0)
DOUBTFUL = replace(DEAD, holder_missing_for=2.0)
PENDING = Expected(pending=("a.sql::1::me", "a.sql::2::me"))
DRIFTED = Expected(drifted=("a.sql::0::me",))
ALL_RUN = Expected()
UNREADABLE = Expected(unreadable="a.xml is missing")
FAILED = Reported(failed=True, ended_at=1001.0, changeset="a.sql::1::me", reason="boom")
GOOD = Reported(failed=False, ended_at=1001.0)
OLD = replace(FAILED, ended_at=100.0)
UNFINISHED = Reported(failed=False, ended_at=None)
UNDER_WAY = replace(UNFINISHED, under_way=True)


@pytest.mark.parametrize(
    ("evidence", "status"),
    [
        # what cannot be read
        (Evidence(Reading.ABSENT), Status.NOT_INITIALISED),
        (Evidence(Reading.DROPPED), Status.NOT_INITIALISED),
        (Evidence(Reading.NOT_GRANTED), Status.UNKNOWN),
        (Evidence(Reading.BUSY), Status.UNKNOWN),
        # the lock
        (replace(READ, lock=HELD), Status.RUNNING),
        (replace(READ, lock=DOUBTFUL), Status.RUNNING),
        (replace(READ, lock=DEAD), Status.STALE_LOCK),
        (replace(READ, lock=DEAD, expected=PENDING, last_run=Run.ADDED_ROWS), Status.STALE_LOCK),
        (replace(READ, lock=HELD, reported=FAILED), Status.RUNNING),
        # the lock's row cleared under a live run
        (replace(READ, sessions=1), Status.RUNNING),
        (replace(READ, sessions=1, reported=FAILED), Status.RUNNING),
        # reported
        (replace(READ, reported=FAILED), Status.FAILED),
        (replace(READ, reported=FAILED, expected=ALL_RUN), Status.FAILED),
        (replace(READ, reported=OLD), Status.SUCCEEDED),
        (replace(READ, reported=OLD, ended_after=0.0), Status.FAILED),
        (replace(READ, reported=UNFINISHED), Status.SUCCEEDED),
        (replace(READ, reported=GOOD), Status.SUCCEEDED),
        (replace(READ, reported=UNDER_WAY), Status.RUNNING),
        (replace(READ, reported=UNDER_WAY, lock=DEAD), Status.STALE_LOCK),
        (replace(READ, reported=UNDER_WAY, last_run=Run.LEFT_NO_ROW), Status.RUNNING),
        (
            replace(LEFT_OUT, reported=GOOD, expected=PENDING, last_run=Run.ADDED_ROWS),
            Status.PENDING,
        ),
        (replace(READ, reported=FAILED, acknowledged=True), Status.SUCCEEDED),
        # inferred from the files
        (replace(LEFT_OUT, expected=PENDING, last_run=Run.ADDED_ROWS), Status.FAILED),
        (replace(LEFT_OUT, expected=PENDING, last_run=Run.LEFT_NO_ROW), Status.FAILED),
        (replace(LEFT_OUT, expected=PENDING, last_run=Run.MAYBE_LEFT_NO_ROW), Status.FAILED),
        (replace(LEFT_OUT, expected=PENDING, last_run=Run.UPDATED_ROWS), Status.PENDING),
        (replace(READ, expected=PENDING, last_run=Run.UNKNOWN), Status.PENDING),
        (
            replace(LEFT_OUT, expected=PENDING, last_run=Run.ADDED_ROWS, acknowledged=True),
            Status.PENDING,
        ),
        (replace(READ, expected=ALL_RUN, last_run=Run.LEFT_NO_ROW), Status.SUCCEEDED),
        # files that came after the run, or were taken back
        (replace(READ, expected=PENDING, last_run=Run.ADDED_ROWS), Status.PENDING),
        (replace(LEFT_OUT, expected=ALL_RUN, last_run=Run.ADDED_ROWS), Status.SUCCEEDED),
        # inferred from the tables alone
        (replace(READ, last_run=Run.LEFT_NO_ROW), Status.FAILED),
        (replace(READ, last_run=Run.LEFT_NO_ROW, acknowledged=True), Status.SUCCEEDED),
        (replace(READ, last_run=Run.LEFT_NO_ROW, expected=UNREADABLE), Status.FAILED),
        (replace(READ, last_run=Run.MAYBE_LEFT_NO_ROW), Status.SUCCEEDED),
        (replace(READ, last_run=Run.ADDED_ROWS), Status.SUCCEEDED),
        # drift, rollback, pending
        (replace(READ, expected=DRIFTED), Status.DRIFTED),
        (replace(READ, expected=DRIFTED, last_run=Run.REMOVED_ROWS), Status.DRIFTED),
        (replace(READ, last_run=Run.REMOVED_ROWS), Status.ROLLED_BACK),
        (replace(READ, last_run=Run.REMOVED_ROWS, expected=PENDING), Status.ROLLED_BACK),
        (replace(READ, expected=PENDING), Status.PENDING),
        (replace(READ, expected=ALL_RUN), Status.SUCCEEDED),
        (READ, Status.SUCCEEDED),
    ],
)
def test_state(evidence: Evidence, status: Status) -> None:
    assert decide(evidence).status is status


def test_every_combination_has_a_state_with_a_reason_and_guidance() -> None:
    for reading, lock, run, expected, reported, acknowledged, sessions in product(
        Reading,
        (Lock(locked=False), HELD, DEAD),
        Run,
        (None, ALL_RUN, PENDING, DRIFTED, UNREADABLE),
        (None, FAILED, GOOD, OLD, UNFINISHED, UNDER_WAY),
        (False, True),
        (0, 1),
    ):
        verdict = decide(
            Evidence(
                reading,
                lock=lock,
                sessions=sessions,
                last_run=run,
                left_out=LEFT_OUT.left_out,
                ended_after=1000.0,
                expected=expected,
                reported=reported,
                acknowledged=acknowledged,
            )
        )
        assert verdict.reason
        assert GUIDANCE[verdict.status].steps
        assert not (verdict.inferred and verdict.source == "wrapper")
        if verdict.status is Status.FAILED:
            assert not acknowledged
            assert verdict.inferred != (verdict.source == "wrapper")


def test_blocked_belongs_to_running() -> None:
    assert decide(replace(READ, lock=HELD, blocked=True)).blocked
    assert decide(replace(READ, sessions=1, blocked=True)).blocked
    assert not decide(replace(READ, blocked=True)).blocked


def test_reasons_name_the_changeset_and_what_is_not_known() -> None:
    left_out = decide(replace(LEFT_OUT, expected=PENDING, last_run=Run.ADDED_ROWS))
    assert left_out.changeset == "a.sql::1::me"
    assert "left out 2 changesets" in left_out.reason
    assert "changeset a.sql::1::me failed: boom" in decide(replace(READ, reported=FAILED)).reason
    assert "no changelog file is configured" in decide(READ).reason
    assert "a.xml is missing" in decide(replace(READ, expected=UNREADABLE)).reason
