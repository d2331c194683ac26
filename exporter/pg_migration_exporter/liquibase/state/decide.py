"""Decide the state of a migration from evidence, in order of precedence.

The metric, the events, `explain` and the status page all use `decide`. texts.py describes each
state: its meaning and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from pg_migration_exporter.formatting import shortened
from pg_migration_exporter.liquibase.locks.lock import LockKind
from pg_migration_exporter.liquibase.state.evidence import (
    ChangelogComparison,
    Evidence,
    InferredFailure,
    OtherPaths,
    ReportedFailure,
    RunEffect,
    TableAccess,
)

Source = Literal["database", "changelog", "wrapper", "log"]


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
    """A state, its reason, and the source that it was derived from.

    `inferred` is True if the failure was not reported but follows from other evidence; `changeset`
    is the one that failed (path::id::author), if known.
    """

    status: MigrationState
    reason: str
    source: Source = "database"
    blocked: bool = False
    inferred: bool = False
    changeset: str = ""


_INACCESSIBLE = {
    TableAccess.ABSENT: Decision(
        MigrationState.NOT_INITIALISED,
        "the database has no Liquibase tables: Liquibase never ran here",
    ),
    TableAccess.DROPPED: Decision(
        MigrationState.NOT_INITIALISED,
        "Liquibase's tables no longer exist: they were dropped, for example by drop-all",
    ),
    TableAccess.NOT_GRANTED: Decision(
        MigrationState.UNKNOWN,
        "the exporter may not read Liquibase's tables: grant USAGE on their schema and SELECT on "
        "both (sql/grants.sql)",
    ),
    TableAccess.REFUSED: Decision(
        MigrationState.UNKNOWN,
        "the exporter does not read Liquibase's tables here: their owner is not trusted, or they "
        "could run its code. The log and --check-config say which and why",
    ),
    TableAccess.BUSY: Decision(
        MigrationState.UNKNOWN,
        "another session holds a lock on Liquibase's tables, so they cannot be read now",
    ),
    TableAccess.UNFIT: Decision(
        MigrationState.UNKNOWN,
        "these tables cannot be read as Liquibase's",
    ),
    TableAccess.TOO_LARGE: Decision(
        MigrationState.UNKNOWN,
        "the histories of this database have more changesets than limits.changesets: raise it, or "
        "exclude histories (liquibase.exclude)",
    ),
}


_NOT_JUDGED = (
    "; this server is a standby or a logical replica, which does not show the sessions of the "
    "other one: the run may also have been killed"
)


def decide(evidence: Evidence) -> Decision:
    """Return the state; the first rule that applies decides."""
    rules = (
        _inaccessible,
        _locked,
        _session_at_work,
        _reported_running,
        _recording,
        _failed,
        _unknown_outcome,
        _drifted,
        _rolled_back,
        _pending,
        _nothing_recorded,
    )
    for rule in rules:
        decision = rule(evidence)
        if decision is not None:
            return decision
    return _succeeded(evidence)


def _inaccessible(evidence: Evidence) -> Decision | None:
    decision = _INACCESSIBLE.get(evidence.table_access)
    if decision is None or not evidence.problem:
        return decision
    return replace(decision, reason=f"{decision.reason}: {evidence.problem}")


def _locked(evidence: Evidence) -> Decision | None:
    lock = evidence.lock
    if not lock.locked:
        return None
    if lock.kind is LockKind.ADVISORY:
        held = f"the session of {lock.locked_by} has held the advisory lock for {lock.age:.0f} s"
    else:
        held = f"the lock has been held for {lock.age:.0f} s by {lock.locked_by}"
    if lock.holder_missing_for >= evidence.stale_lock_after:
        return Decision(
            MigrationState.STALE_LOCK,
            f"{held}, and no session is left that could have taken it{_waiting(lock.waiters)}",
        )
    return Decision(
        MigrationState.RUNNING,
        held + _waiting(lock.waiters) + ("" if lock.is_judged else _NOT_JUDGED),
        blocked=evidence.blocked,
    )


def _waiting(sessions: int) -> str:
    if not sessions:
        return ""
    others = "1 other session seems" if sessions == 1 else f"{sessions} other sessions seem"
    return f"; {others} to wait for it, as far as pg_stat_activity shows"


def _session_at_work(evidence: Evidence) -> Decision | None:
    """Before Liquibase 4.29.2, a second run clears the lock's row during the first one."""
    if not evidence.sessions:
        return None
    return Decision(
        MigrationState.RUNNING,
        "a Liquibase session is at work although the lock is free",
        blocked=evidence.blocked,
    )


def _reported_running(evidence: Evidence) -> Decision | None:
    """Evidence about the previous run does not count until this run reports its end."""
    if not evidence.reported_running:
        return None
    return Decision(
        MigrationState.RUNNING,
        "the wrapper reports that Liquibase is running; it does not hold the lock: it is starting "
        "or ending, or has nothing to do",
        "wrapper",
    )


def _recording(evidence: Evidence) -> Decision | None:
    """Without changelog files, rows alone do not show that their run succeeds."""
    if evidence.comparison is not None or not evidence.is_recording:
        return None
    return Decision(
        MigrationState.RUNNING,
        "changesets were recorded a moment ago: their run goes on or has just ended",
    )


def _failed(evidence: Evidence) -> Decision | None:
    if evidence.acknowledged:
        return None
    return _reported_failure(evidence) or _inferred_failure(evidence)


def _reported_failure(evidence: Evidence) -> Decision | None:
    failure = evidence.reported_failure
    if failure is None or _is_taken_out(failure.changeset, evidence.comparison):
        return None
    return Decision(
        MigrationState.FAILED,
        _interruption(failure) if failure.is_interrupted else _failure(failure),
        "wrapper",
        changeset=shortened(failure.changeset),
    )


def _failure(failure: ReportedFailure) -> str:
    subject = f"changeset {shortened(failure.changeset)}" if failure.changeset else "the run"
    reason = f": {failure.reason}" if failure.reason else ""
    return f"Liquibase reported that {subject} failed{reason}"


def _interruption(failure: ReportedFailure) -> str:
    """Return the reason for a run that a signal ended, and what it leaves."""
    at = f" at changeset {shortened(failure.changeset)}" if failure.changeset else ""
    return (
        f"Liquibase was interrupted by a signal{at} ({failure.reason}): what it had recorded is "
        "applied; the statement in progress was canceled or runs to its end, and one outside a "
        "transaction, as CREATE INDEX CONCURRENTLY, can leave parts; the lock may still be held"
    )


def _is_taken_out(changeset: str, comparison: ChangelogComparison | None) -> bool:
    """Whether the changeset is no longer in the files, and the next update has nothing to do."""
    if comparison is None or not changeset:
        return False
    return not comparison.pending and changeset not in comparison.expected


def _inferred_failure(evidence: Evidence) -> Decision | None:
    failure, comparison = evidence.inferred_failure, evidence.comparison
    if failure is None:
        return None
    if comparison and not comparison.pending and failure.is_gone(comparison):
        return None  # taken out of the files: the next update has nothing to do
    doubt = f" (or {failure.doubt}, which leaves the same traces)" if failure.doubt else ""
    return Decision(
        MigrationState.FAILED,
        f"{failure.reason}{doubt}",
        _source(failure),
        inferred=bool(failure.doubt) or not failure.is_logged,
        changeset=failure.changeset,
    )


def _source(failure: InferredFailure) -> Source:
    if failure.is_logged:
        return "log"
    return "changelog" if failure.changeset else "database"


def _unknown_outcome(evidence: Evidence) -> Decision | None:
    if not evidence.unknown_outcome or evidence.acknowledged:
        return None
    return Decision(MigrationState.UNKNOWN, evidence.unknown_outcome)


def _drifted(evidence: Evidence) -> Decision | None:
    if evidence.comparison is None or not evidence.comparison.drifted:
        return None
    drifted = evidence.comparison.drifted
    return Decision(
        MigrationState.DRIFTED,
        f"{_count(drifted)} changed in the files after it ran, {shortened(drifted[0])} first: the "
        "next update will refuse to run",
        "changelog",
    )


def _rolled_back(evidence: Evidence) -> Decision | None:
    is_complete = evidence.comparison is not None and not evidence.comparison.pending
    if evidence.last_run is not RunEffect.REMOVED_ROWS or is_complete:
        return None
    return Decision(
        MigrationState.ROLLED_BACK, "the last run removed changesets from the history: a rollback"
    )


def _pending(evidence: Evidence) -> Decision | None:
    if evidence.comparison is None or not evidence.comparison.pending:
        return None
    pending, other_paths = evidence.comparison.pending, evidence.comparison.other_paths
    if other_paths is not None:
        return Decision(MigrationState.PENDING, _paths_differ(pending, other_paths), "changelog")
    return Decision(
        MigrationState.PENDING,
        f"{_count(pending)} of the changelog files {'has' if len(pending) == 1 else 'have'} not "
        f"run, {shortened(pending[0])} is next{_by_hand(evidence)}",
        "changelog",
    )


def _by_hand(evidence: Evidence) -> str:
    """Return what is said of rows that no rollback has removed."""
    if not evidence.removed_by_hand:
        return ""
    rows = "1 row was" if evidence.removed_by_hand == 1 else f"{evidence.removed_by_hand} rows were"
    return f"; {rows} removed from the history without its lock: by hand, not by a rollback"


def _paths_differ(pending: tuple[str, ...], paths: OtherPaths) -> str:
    """Return the reason for changesets that ran from another root of the files."""
    moved = len(paths.changesets)
    with_prefix = (
        f"with the prefix {paths.in_history} they would match"
        if not paths.in_files
        else f"without the prefix {paths.in_files} they would match"
        if not paths.in_history
        else f"they would match with {paths.in_history} in place of {paths.in_files}"
    )
    return (
        f"the paths of the changelog files differ from those in the history: {moved} of "
        f"{_count(pending)} that have not run {'is' if moved == 1 else 'are'} recorded under "
        f"other paths, {with_prefix}; give Liquibase and liquibase.changelogs the same search path"
    )


def _nothing_recorded(evidence: Evidence) -> Decision | None:
    """Liquibase creates its tables before its first changeset, and so does `status`."""
    if evidence.comparison is not None or evidence.applied:
        return None
    return Decision(
        MigrationState.NOT_INITIALISED,
        f"Liquibase's tables are there, but no changeset is recorded{_by_hand(evidence)}",
    )


def _succeeded(evidence: Evidence) -> Decision:
    recorded = (
        f"the lock is free and {evidence.applied} changesets are recorded{_by_hand(evidence)}"
    )
    if evidence.comparison is not None:
        return Decision(
            MigrationState.SUCCEEDED,
            f"{recorded}, all that the changelog files expect",
            "changelog",
        )
    return Decision(MigrationState.SUCCEEDED, f"{recorded}; {_doubt(evidence)}")


def _doubt(evidence: Evidence) -> str:
    if evidence.files is not None:
        return f"the changelog files cannot be read completely: {evidence.files.unreadable}"
    if evidence.last_run is RunEffect.MAYBE_LEFT_NO_ROW:
        return (
            "the last run recorded nothing: it had nothing to do, or it failed at once; only "
            "changelog files or the wrapper could show which"
        )
    if evidence.is_unproven:
        return (
            "whether the last run failed after its last recorded changeset is not known: nothing "
            "shows here what it rolled back, as on a standby, on a logical replica or with "
            "liquibase-sessionlock; only changelog files or the wrapper could"
        )
    return "no changelog file is configured, so it is not known whether more are expected"


def _count(changesets: tuple[str, ...]) -> str:
    return "1 changeset" if len(changesets) == 1 else f"{len(changesets)} changesets"
