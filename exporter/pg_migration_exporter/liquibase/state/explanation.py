"""Explain a state in words: the facts, the doubts, and how to find out more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pg_migration_exporter.formatting import shortened
from pg_migration_exporter.liquibase.state.decide import Decision, MigrationState
from pg_migration_exporter.liquibase.state.evidence import (
    ChangelogComparison,
    Evidence,
    OtherPaths,
    ReportedRun,
    RunEffect,
    TableAccess,
)
from pg_migration_exporter.liquibase.state.tracked import ChangelogSnapshot

_SHOWN = 5

_LAST_RUN = {
    RunEffect.UNKNOWN: "no run has ended since the exporter started to watch",
    RunEffect.ADDED_ROWS: "the last run that ended recorded changesets",
    RunEffect.TAGGED: "the last run that ended set a tag",
    RunEffect.CLEARED_CHECKSUMS: "the last run that ended cleared the checksums",
    RunEffect.LEFT_NO_ROW: "the last run took the lock, released it and recorded nothing",
    RunEffect.MAYBE_LEFT_NO_ROW: "the lock's row was written and nothing recorded: a run that "
    "failed at once, or commands with nothing to do",
    RunEffect.REMOVED_ROWS: "the last run that ended removed rows from the history",
}


@dataclass(frozen=True, slots=True)
class Setup:
    """Settings of the server and the exporter that limit what can be found out."""

    commit_timestamps: bool
    checks_connections: bool
    remembers: bool
    configures_changelogs: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """The state of one changelog, explained."""

    changelog: str
    decision: Decision
    facts: Sequence[str]
    doubts: Sequence[str]
    advice: Sequence[str]


def explain(snapshot: ChangelogSnapshot, setup: Setup) -> Explanation:
    """Explain the state of a changelog."""
    evidence, decision = snapshot.evidence, snapshot.decision
    return Explanation(
        snapshot.changelog,
        decision,
        [*_facts(evidence, decision)] if evidence.table_access is TableAccess.COMPLETE else [],
        [*_doubts(evidence, decision, setup)],
        [*_advice(snapshot, setup)],
    )


def _facts(evidence: Evidence, decision: Decision) -> Iterator[str]:
    yield f"{evidence.applied} changesets are recorded in the history"
    yield from _lock_facts(evidence)
    if evidence.sessions:
        yield f"{evidence.sessions} Liquibase sessions are at work"
    if evidence.blocked:
        yield "one of them waits for a lock that another session holds"
    yield _LAST_RUN[evidence.last_run]
    yield from _outcome_facts(evidence, decision)
    if evidence.reported_run is not None:
        yield _reported(evidence.reported_run)
    if evidence.acknowledged:
        yield "the failure of the last run was acknowledged"
    if evidence.files is not None:
        yield from _file_facts(evidence.files)


def _lock_facts(evidence: Evidence) -> Iterator[str]:
    lock = evidence.lock
    if not lock.locked:
        yield "the lock is free"
        return
    yield f"the lock is held by {lock.locked_by}, for {lock.age:.0f} s"
    if lock.holder_pid is not None:
        yield f"it is an advisory lock, and the session with process ID {lock.holder_pid} holds it"
    elif not lock.is_judged:
        yield "whether a session still holds it is not known: this server is a standby"
    elif lock.has_holder:
        yield "a session that may hold it is connected"
    else:
        yield (
            "no connected session may have taken it, by its start, its last statement and its "
            f"role; none has for {lock.holder_missing_for:.0f} s"
        )
    if lock.waiters:
        yield f"{lock.waiters} sessions seem to wait for it"


def _outcome_facts(evidence: Evidence, decision: Decision) -> Iterator[str]:
    """Yield what was inferred of a run and does not decide the state now."""
    failure, unknown = evidence.inferred_failure, evidence.unknown_outcome
    if failure is not None and decision.status is not MigrationState.FAILED:
        yield f"a failure was inferred that no later run has repaired: {failure.reason}"
    if unknown and decision.status is not MigrationState.UNKNOWN:
        yield f"the outcome of a run is not known: {unknown}"


def _reported(reported: ReportedRun) -> str:
    if reported.under_way:
        return "the wrapper reports a run in progress"
    if reported.ended_at is None:
        return "the wrapper reported the start of the last run but not its end: it was killed"
    return "the wrapper reported the last run"


def _file_facts(files: ChangelogComparison) -> Iterator[str]:
    if files.unreadable is not None:
        yield f"the changelog files cannot be read completely: {files.unreadable}"
        return
    for predicate, changesets in (
        ("have not run", files.pending),
        ("are recorded but not in the files", files.unexpected),
        ("differ from what ran", files.drifted),
    ):
        if changesets:
            names = ", ".join(map(shortened, changesets[:_SHOWN])) + (
                ", ..." if len(changesets) > _SHOWN else ""
            )
            yield f"{len(changesets)} {predicate}: {names}"
    if files.other_paths is not None:
        yield _paths(files.other_paths)
    if files.unchecked:
        yield (
            f"{files.unchecked} have run, but only Liquibase can compare their checksums: they are "
            "not SQL, or recorded by a version before 4.0; whether they drifted is not known"
        )
    if not (files.pending or files.unexpected or files.drifted):
        yield "the history matches the changelog files"


def _paths(paths: OtherPaths) -> str:
    return (
        f"{len(paths.changesets)} of them are recorded under other paths, which start with "
        f"{paths.in_history or 'nothing'!r} where those of the files start with "
        f"{paths.in_files or 'nothing'!r}"
    )


def _doubts(evidence: Evidence, decision: Decision, setup: Setup) -> Iterator[str]:
    if decision.inferred:
        yield "this failure was not reported: it is inferred from what the run left in the database"
    failure = evidence.inferred_failure
    if decision.inferred and failure is not None and failure.doubt:
        yield f"the run may not have failed: {failure.doubt}"
    if _is_row_held(evidence) and not setup.commit_timestamps:
        yield "the exact time when the lock was taken is not known, only when it was first seen"
    if _is_row_held(evidence) and evidence.lock.has_holder:
        yield (
            "a long-lived session of the same role, or a connection pooler, can look like the "
            "holder of an abandoned lock"
        )
    if evidence.reported_elsewhere:
        yield (
            f"a run on {', '.join(evidence.reported_elsewhere)} was reported for a history of the "
            "same name and does not count here; if it is this server, add it to liquibase.servers"
        )
    if evidence.lock.waiters:
        yield "which sessions wait for the lock is inferred from their last statements"
    if evidence.comparison is None and evidence.table_access is TableAccess.COMPLETE:
        files = "without" if evidence.files is None else "without readable"
        yield f"{files} changelog files, it is not known whether more changesets are expected"


def _is_row_held(evidence: Evidence) -> bool:
    return evidence.lock.locked and not evidence.lock.kind.is_held_by_session


def _advice(snapshot: ChangelogSnapshot, setup: Setup) -> Iterator[str]:
    evidence = snapshot.evidence
    if not setup.configures_changelogs:
        yield "set liquibase.changelogs to detect pending, changed and left-out changesets"
    elif evidence.files is None and evidence.table_access is TableAccess.COMPLETE:
        yield (
            "no section of liquibase.changelogs is for this history: set `table` of the section "
            f"with its files to {snapshot.changelog}, and `database` to this one or to none"
        )
    if evidence.files is not None and evidence.files.other_paths is not None:
        yield (
            "give Liquibase and liquibase.changelogs the same search path and the same name of the "
            "root file, so that paths in the history and in the files are the same"
        )
    if evidence.reported_run is None and not evidence.reported_elsewhere:
        yield (
            "run Liquibase as `pg-migration-exporter run -- liquibase update ...` so that failures "
            "are reported with their reason instead of inferred"
        )
    if not setup.remembers:
        yield "set state_directory so that a restart of the exporter loses nothing"
    if not setup.commit_timestamps:
        yield "set track_commit_timestamp = on in PostgreSQL to get the exact time of locks"
    if not setup.checks_connections:
        yield (
            "set client_connection_check_interval = 1s in PostgreSQL so that the statement of a "
            "killed Liquibase does not run on"
        )
