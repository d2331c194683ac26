"""The migrations of one target, as last read."""

from __future__ import annotations

import time

from pg_migration_exporter.collectors.liquibase import LIQUIBASE
from pg_migration_exporter.collectors.liquibase.memory import LiquibaseMemory
from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.formatting import capitalized
from pg_migration_exporter.liquibase.state.decide import Decision
from pg_migration_exporter.liquibase.state.evidence import TableAccess
from pg_migration_exporter.liquibase.state.explanation import Explanation, Setup, explain
from pg_migration_exporter.liquibase.state.texts import StateText, describe, label
from pg_migration_exporter.liquibase.state.tracked import ChangelogSnapshot
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.status import runbooks
from pg_migration_exporter.status.model import LEVELS, Migration, State

_MAX_NEXT = 5


def migrations(target: Target) -> list[Migration]:
    """Return every changelog that was ever read from the target's databases, the worst first."""
    found = list[Migration]()
    for database in target.databases():
        memory: LiquibaseMemory | None = database.memory(LIQUIBASE.name)
        if memory and database.capabilities:
            setup = _setup(target.settings, database.capabilities)
            seconds_ago = time.monotonic() - memory.polled_at
            found += [
                _migration(
                    database.capabilities.datname, snapshot, seconds_ago, target.settings, setup
                )
                for snapshot in memory.snapshots
            ]
    return sorted(
        found, key=lambda migration: (LEVELS.index(migration.verdict.level), migration.datname)
    )


def _migration(
    datname: str,
    snapshot: ChangelogSnapshot,
    seconds_ago: float,
    settings: Settings,
    setup: Setup,
) -> Migration:
    evidence, decision = snapshot.evidence, snapshot.decision
    comparison = evidence.comparison
    is_read = evidence.table_access is TableAccess.COMPLETE
    locked = evidence.lock.locked
    return Migration(
        datname=datname,
        changelog=snapshot.changelog,
        status=decision.status,
        blocked=decision.blocked,
        inferred=decision.inferred,
        source=decision.source,
        verdict=_state(decision, settings),
        meaning=_text(decision).meaning,
        seen_seconds_ago=seconds_ago,
        applied=evidence.applied if is_read else None,
        pending=len(comparison.pending) if comparison else None,
        next_changesets=list(comparison.pending[:_MAX_NEXT]) if comparison else [],
        failed_changeset=decision.changeset or None,
        lock_held=locked if is_read else None,
        locked_by=evidence.lock.locked_by if locked else None,
        lock_seconds=max(evidence.lock.age, 0.0) if locked else None,
        statement=evidence.statement or None,
        **_explained(explain(snapshot, setup)),
    )


def _explained(explained: Explanation) -> dict[str, list[str]]:
    return {name: list(getattr(explained, name)) for name in ("facts", "doubts", "advice")}


def _state(decision: Decision, settings: Settings) -> State:
    text = _text(decision)
    return State(
        level=text.level,
        state=label(decision.status, blocked=decision.blocked, inferred=decision.inferred),
        title=text.title,
        reason=capitalized(decision.reason),
        steps=text.steps,
        runbook=runbooks.runbook(text.runbook, settings),
    )


def _text(decision: Decision) -> StateText:
    return describe(
        decision.status, decision.source, blocked=decision.blocked, inferred=decision.inferred
    )


def _setup(settings: Settings, capabilities: Capabilities) -> Setup:
    return Setup(
        commit_timestamps=capabilities.commit_timestamps,
        checks_connections=True,  # not read at every scrape: `explain` reports it
        remembers=settings.state_directory is not None,
        configures_changelogs=bool(settings.liquibase.changelogs),
    )
