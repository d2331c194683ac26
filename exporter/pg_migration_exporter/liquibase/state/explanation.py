"""Why a state is what it is, in words: the facts for and against, and how to know more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pg_migration_exporter.liquibase.state.decide import Decision
from pg_migration_exporter.liquibase.state.evidence import (
    Evidence,
    Expected,
    Reported,
    Run,
    TableAccess,
)

_SHOWN = 5

_RUNS = {
    Run.UNKNOWN: "no run has been seen to end since the exporter began to watch",
    Run.ADDED_ROWS: "the last run that was seen to end recorded changesets",
    Run.UPDATED_ROWS: "the last run that was seen to end changed rows of the history and added "
    "none: a tag, cleared checksums, or changesets that run again",
    Run.LEFT_NO_ROW: "the last run that was seen took the lock, released it and recorded nothing",
    Run.MAYBE_LEFT_NO_ROW: "the lock's row was written and nothing recorded: a run that failed at "
    "once, or commands that had nothing to do",
    Run.REMOVED_ROWS: "the last run that was seen to end removed rows from the history",
}


@dataclass(frozen=True, slots=True)
class Setup:
    """What the server and the configuration let the exporter know."""

    commit_timestamps: bool
    checks_connections: bool
    remembers: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """One changelog's state, explained."""

    changelog: str
    decision: Decision
    facts: Sequence[str]
    doubts: Sequence[str]
    advice: Sequence[str]


def explain(changelog: str, evidence: Evidence, decision: Decision, setup: Setup) -> Explanation:
    """Put everything that is known into words."""
    return Explanation(
        changelog,
        decision,
        [*_facts(evidence)] if evidence.reading is TableAccess.COMPLETE else [],
        [*_doubts(evidence, decision, setup)],
        [*_advice(evidence, setup)],
    )


def _facts(evidence: Evidence) -> Iterator[str]:
    lock = evidence.lock
    yield f"{evidence.applied} changesets are recorded in the history"
    if lock.locked:
        yield f"the lock is held by {lock.locked_by}, for {lock.age:.0f} s"
        if lock.has_holder:
            yield "a session that may hold it is connected"
        else:
            yield (
                "no session of the lock table's owner is as old as the lock; none has been for "
                f"{lock.holder_missing_for:.0f} s"
            )
    else:
        yield "the lock is free"
    if evidence.sessions:
        yield f"{evidence.sessions} Liquibase sessions are at work"
    if evidence.blocked:
        yield "one of them waits for a lock that another session holds"
    yield _RUNS[evidence.last_run]
    if evidence.reported is not None:
        yield _reported(evidence.reported)
    if evidence.acknowledged:
        yield "the failure of the last run was acknowledged"
    yield from _about_files(evidence.expected)


def _reported(reported: Reported) -> str:
    if reported.under_way:
        return "the wrapper reports a run that goes on"
    if reported.ended_at is None:
        return "the wrapper reported the start of the last run and then no more: it was killed"
    return "the wrapper reported the last run"


def _about_files(expected: Expected | None) -> Iterator[str]:
    if expected is None:
        return
    if expected.unreadable is not None:
        yield f"the changelog files cannot be read as a whole: {expected.unreadable}"
        return
    for what, changesets in (
        ("have not run", expected.pending),
        ("are recorded and not in the files", expected.unexpected),
        ("differ from what ran", expected.drifted),
    ):
        if changesets:
            names = ", ".join(changesets[:_SHOWN]) + (", ..." if len(changesets) > _SHOWN else "")
            yield f"{len(changesets)} {what}: {names}"
    if not (expected.pending or expected.unexpected or expected.drifted):
        yield "the history holds exactly what the changelog files expect"


def _doubts(evidence: Evidence, decision: Decision, setup: Setup) -> Iterator[str]:
    if decision.inferred:
        yield "nobody reported this failure: it is inferred from what the run left in the database"
    if evidence.lock.locked and not setup.commit_timestamps:
        yield "when the lock was taken is known only since the exporter first saw it"
    if evidence.lock.locked and evidence.lock.has_holder:
        yield (
            "a long-lived session of the same role, or a connection pooler, looks like the holder "
            "of a lock that nobody holds any more"
        )
    if evidence.reported_elsewhere:
        yield (
            f"a run on {', '.join(evidence.reported_elsewhere)} was reported for a history of the "
            "same name, and is not taken for this one; if it is this server, name it in "
            "liquibase.servers"
        )
    if evidence.known is None and evidence.reading is TableAccess.COMPLETE:
        yield "without changelog files, nobody knows here whether more changesets are expected"


def _advice(evidence: Evidence, setup: Setup) -> Iterator[str]:
    if evidence.expected is None:
        yield "set liquibase.changelogs: then pending, changed and left-out changesets are known"
    if evidence.reported is None:
        yield (
            "run Liquibase as `pg-migration-exporter run -- liquibase update ...`: then failures "
            "are reported with their reason instead of inferred"
        )
    if not setup.remembers:
        yield "set state_directory: then a restart of the exporter forgets nothing"
    if not setup.commit_timestamps:
        yield "set track_commit_timestamp = on in PostgreSQL: then the times of locks are exact"
    if not setup.checks_connections:
        yield (
            "set client_connection_check_interval = 1s in PostgreSQL: then a killed Liquibase's "
            "statement does not run on"
        )
