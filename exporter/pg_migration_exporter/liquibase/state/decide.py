"""The state of a migration: one function, from evidence to state, in order of precedence.

Everything that shows the state (the metric, the log, `explain`, a page) calls `decide`.
texts.py describes each state: its meaning and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pg_migration_exporter.liquibase.state.evidence import Evidence, Run, TableAccess

Source = Literal["database", "changelog", "wrapper", "log"]

#: `update` leaves nothing pending unless it fails; a tag or a rollback is no update.
_UPDATES = (Run.ADDED_ROWS, Run.LEFT_NO_ROW, Run.MAYBE_LEFT_NO_ROW)


class MigrationState(StrEnum):
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


@dataclass(frozen=True, slots=True)
class Decision:
    """A state, why it is that one, and where that was learned.

    `inferred` is True where nobody reported a failure and it follows from the rest; `changeset` is
    the one that failed (path::id::author), where that is known.
    """

    status: MigrationState
    reason: str
    source: Source = "database"
    blocked: bool = False
    inferred: bool = False
    changeset: str = ""


def decide(evidence: Evidence) -> Decision:
    """Decide the state. The first of these that has something to say wins."""
    judges = (_unreadable, _lock, _sessions, _under_way, _failure, _drift, _rolled_back, _pending)
    decisions = (judge(evidence) for judge in judges)
    return next((one for one in decisions if one is not None), None) or _succeeded(evidence)


def _unreadable(evidence: Evidence) -> Decision | None:
    reasons = {
        TableAccess.ABSENT: (
            MigrationState.NOT_INITIALISED,
            "the database has no Liquibase tables: Liquibase never ran here",
        ),
        TableAccess.DROPPED: (
            MigrationState.NOT_INITIALISED,
            "Liquibase's tables were here and are gone: they were dropped, as drop-all does",
        ),
        TableAccess.NOT_GRANTED: (
            MigrationState.UNKNOWN,
            "the exporter may not read Liquibase's tables: grant USAGE on their schema and "
            "SELECT on both (sql/grants.sql)",
        ),
        TableAccess.BUSY: (
            MigrationState.UNKNOWN,
            "another session holds a lock on Liquibase's tables, so they cannot be read now",
        ),
    }
    found = reasons.get(evidence.reading)
    return Decision(*found) if found else None


def _lock(evidence: Evidence) -> Decision | None:
    lock = evidence.lock
    if not lock.locked:
        return None
    held = f"the lock has been held for {lock.age:.0f} s by {lock.locked_by}"
    if lock.holder_missing_for >= evidence.stale_lock_after:
        return Decision(
            MigrationState.STALE_LOCK, f"{held}, and no session is left that could have taken it"
        )
    return Decision(MigrationState.RUNNING, held, blocked=evidence.blocked)


def _sessions(evidence: Evidence) -> Decision | None:
    """Before Liquibase 4.29.2 a second run clears the lock's row under a live one."""
    if not evidence.sessions:
        return None
    return Decision(
        MigrationState.RUNNING,
        "a Liquibase session is at work although the lock's row is free",
        blocked=evidence.blocked,
    )


def _under_way(evidence: Evidence) -> Decision | None:
    """What the last run did is its own until this one has told of its end."""
    if not evidence.under_way:
        return None
    return Decision(
        MigrationState.RUNNING,
        "the wrapper reports that Liquibase runs; it does not hold the lock: it is starting or "
        "ending, or has nothing to do",
        "wrapper",
    )


def _failure(evidence: Evidence) -> Decision | None:
    if evidence.acknowledged:
        return None
    reported = evidence.reported
    if reported is not None and _is_latest(evidence):
        return _reported_failure(evidence) if reported.failed else None
    if evidence.known is not None:
        return _left_out(evidence)
    if evidence.last_run is Run.LEFT_NO_ROW:
        return Decision(
            MigrationState.FAILED,
            "the last run took the lock, released it and recorded no changeset: it failed, or it "
            "skipped all that it had to do",
            inferred=True,
        )
    return None


def _is_latest(evidence: Evidence) -> bool:
    """Whether the report speaks of the last run, or of one that left no trace after it."""
    reported = evidence.reported
    return (
        reported is not None
        and reported.ended_at is not None
        and reported.ended_at >= evidence.ended_after
    )


def _reported_failure(evidence: Evidence) -> Decision:
    assert evidence.reported is not None
    what = f"changeset {evidence.reported.changeset}" if evidence.reported.changeset else "the run"
    why = f": {evidence.reported.reason}" if evidence.reported.reason else ""
    return Decision(
        MigrationState.FAILED,
        f"Liquibase reported that {what} failed{why}",
        "wrapper",
        changeset=evidence.reported.changeset,
    )


def _left_out(evidence: Evidence) -> Decision | None:
    assert evidence.known is not None
    left_out = tuple(one for one in evidence.known.pending if one in evidence.left_out)
    if not left_out or evidence.last_run not in _UPDATES:
        return None
    return Decision(
        MigrationState.FAILED,
        f"the last run ended and left out {_count(left_out)} of the changelog files, "
        f"{left_out[0]} first: it failed there, or it was told to end before it, as by "
        "update-count or update-to-tag, which leaves the same in the database",
        "changelog",
        inferred=True,
        changeset=left_out[0],
    )


def _drift(evidence: Evidence) -> Decision | None:
    if evidence.known is None or not evidence.known.drifted:
        return None
    drifted = evidence.known.drifted
    return Decision(
        MigrationState.DRIFTED,
        f"{_count(drifted)} changed in the files after it ran, {drifted[0]} first: the next update "
        "will refuse them",
        "changelog",
    )


def _rolled_back(evidence: Evidence) -> Decision | None:
    if evidence.last_run is not Run.REMOVED_ROWS:
        return None
    return Decision(
        MigrationState.ROLLED_BACK, "the last run removed changesets from the history: a rollback"
    )


def _pending(evidence: Evidence) -> Decision | None:
    if evidence.known is None or not evidence.known.pending:
        return None
    pending = evidence.known.pending
    return Decision(
        MigrationState.PENDING,
        f"{_count(pending)} of the changelog files {'has' if len(pending) == 1 else 'have'} not "
        f"run, {pending[0]} is next",
        "changelog",
    )


def _succeeded(evidence: Evidence) -> Decision:
    recorded = f"the lock is free and {evidence.applied} changesets are recorded"
    if evidence.known is not None:
        return Decision(
            MigrationState.SUCCEEDED,
            f"{recorded}, all that the changelog files expect",
            "changelog",
        )
    if evidence.expected is not None:
        doubt = f"the changelog files cannot be read as a whole: {evidence.expected.unreadable}"
    elif evidence.last_run is Run.MAYBE_LEFT_NO_ROW:
        doubt = (
            "the last run recorded nothing: it had nothing to do, or failed at once, which without "
            "changelog files or the wrapper nobody can tell"
        )
    else:
        doubt = "no changelog file is configured, so it is not known whether more are expected"
    return Decision(MigrationState.SUCCEEDED, f"{recorded}; {doubt}")


def _count(changesets: tuple[str, ...]) -> str:
    return "1 changeset" if len(changesets) == 1 else f"{len(changesets)} changesets"
