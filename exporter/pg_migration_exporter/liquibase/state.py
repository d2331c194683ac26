"""The state of a migration: one function, from evidence to state, in order of precedence.

Everything that shows the state (the metric, the log, a page) calls `decide`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pg_migration_exporter.liquibase.evidence import Evidence, Reading, Run

Source = Literal["database", "changelog", "wrapper", "log"]


class Status(StrEnum):
    """The states, as values of the label `status`."""

    UNKNOWN = "unknown"
    NOT_INITIALISED = "not_initialised"
    STALE_LOCK = "stale_lock"
    RUNNING = "running"
    FAILED = "failed"
    DRIFTED = "drifted"
    ROLLED_BACK = "rolled_back"
    PENDING = "pending"
    SUCCEEDED = "succeeded"


#: `update` leaves nothing pending unless it fails; a tag or a rollback is no update.
_RUNS_THAT_SHOULD_LEAVE_NOTHING_PENDING = (
    Run.ADDED_ROWS,
    Run.LEFT_NO_ROW,
    Run.MAYBE_LEFT_NO_ROW,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state, why it is that one, and where that was learned.

    `inferred` is True where the database says nothing of a failure and it follows from the rest.
    """

    status: Status
    reason: str
    source: Source = "database"
    blocked: bool = False
    inferred: bool = False


def decide(evidence: Evidence) -> Verdict:
    """Decide the state. The first of these that has something to say wins."""
    for judge in (_unreadable, _lock, _sessions, _failure, _files, _rolled_back):
        verdict = judge(evidence)
        if verdict is not None:
            return verdict
    return Verdict(
        Status.SUCCEEDED,
        f"the lock is free and {evidence.applied} changesets are recorded"
        + ("" if evidence.expected else "; no changelog file tells whether more are expected"),
        "changelog" if evidence.expected else "database",
    )


def _unreadable(evidence: Evidence) -> Verdict | None:
    match evidence.reading:
        case Reading.ABSENT:
            return Verdict(
                Status.NOT_INITIALISED, "the database has no Liquibase tables: it never ran here"
            )
        case Reading.NOT_GRANTED:
            return Verdict(
                Status.UNKNOWN,
                "the exporter may not read Liquibase's tables: grant USAGE on their schema and "
                "SELECT on both",
            )
        case Reading.BUSY:
            return Verdict(
                Status.UNKNOWN,
                "another session holds a lock on Liquibase's tables, so they cannot be read now",
            )
    return None


def _lock(evidence: Evidence) -> Verdict | None:
    lock = evidence.lock
    if not lock.locked:
        return None
    if lock.holder_missing_for >= evidence.stale_lock_after:
        return Verdict(
            Status.STALE_LOCK,
            f"the lock has been held for {lock.age:.0f} s by {lock.locked_by}, and no session is "
            "left that could have taken it",
        )
    return Verdict(
        Status.RUNNING,
        f"the lock has been held for {lock.age:.0f} s by {lock.locked_by}",
        blocked=evidence.blocked,
    )


def _sessions(evidence: Evidence) -> Verdict | None:
    """Before Liquibase 4.29.2 a second run clears the lock's row under a live one."""
    if not evidence.sessions:
        return None
    return Verdict(
        Status.RUNNING,
        "a Liquibase session is at work although the lock's row is free",
        blocked=evidence.blocked,
    )


def _failure(evidence: Evidence) -> Verdict | None:
    if evidence.expected is None:
        if evidence.last_run is not Run.LEFT_NO_ROW:
            return None
        return Verdict(
            Status.FAILED,
            "the last run took the lock, released it and recorded no changeset: it failed, or it "
            "skipped all that it had to do",
            inferred=True,
        )
    pending = evidence.expected.pending
    if pending and evidence.last_run in _RUNS_THAT_SHOULD_LEAVE_NOTHING_PENDING:
        return Verdict(
            Status.FAILED,
            f"the last run ended and left out {len(pending)} changesets of the changelog files, "
            f"{pending[0]} first",
            "changelog",
            inferred=True,
        )
    return None


def _files(evidence: Evidence) -> Verdict | None:
    expected = evidence.expected
    if expected is None:
        return None
    if expected.drifted:
        return Verdict(
            Status.DRIFTED,
            f"{len(expected.drifted)} changesets were changed after they ran, "
            f"{expected.drifted[0]} first: the next update will refuse them",
            "changelog",
        )
    if expected.pending and evidence.last_run is not Run.REMOVED_ROWS:
        return Verdict(
            Status.PENDING,
            f"{len(expected.pending)} changesets of the changelog files have not run, "
            f"{expected.pending[0]} is the next",
            "changelog",
        )
    return None


def _rolled_back(evidence: Evidence) -> Verdict | None:
    if evidence.last_run is not Run.REMOVED_ROWS:
        return None
    return Verdict(
        Status.ROLLED_BACK, "the last run removed changesets from the history: a rollback"
    )
