"""The migrations of one target, as last read."""

from __future__ import annotations

import time

from pg_migration_exporter.collectors.liquibase import LIQUIBASE
from pg_migration_exporter.collectors.liquibase.discovery import Seen
from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.formatting import capitalized
from pg_migration_exporter.liquibase.state.decide import Decision
from pg_migration_exporter.liquibase.state.evidence import TableAccess
from pg_migration_exporter.liquibase.state.explanation import Explanation, Setup, explain
from pg_migration_exporter.liquibase.state.texts import StateText, describe, label
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.status import runbooks
from pg_migration_exporter.status.model import LEVELS, Migration, Verdict

_MAX_NEXT = 5


def migrations(target: Target) -> list[Migration]:
    """Return every changelog that was ever read from the target's databases, the worst first."""
    found = [
        _migration(seen, discovery.seen_at, target.settings, database.capabilities)
        for database in target.databases()
        if (discovery := database.memory(LIQUIBASE.name)) and database.capabilities
        for seen in discovery.seen
    ]
    return sorted(
        found, key=lambda migration: (LEVELS.index(migration.verdict.level), migration.datname)
    )


def _migration(
    seen: Seen, seen_at: float, settings: Settings, capabilities: Capabilities
) -> Migration:
    changelog, _, observation = seen
    evidence, decision = observation.evidence, observation.decision
    explained = explain(changelog, evidence, decision, _setup(settings, capabilities))
    is_read = evidence.reading is TableAccess.COMPLETE
    locked = evidence.lock.locked
    return Migration(
        datname=capabilities.datname,
        changelog=changelog,
        status=decision.status,
        blocked=decision.blocked,
        inferred=decision.inferred,
        source=decision.source,
        verdict=_verdict(decision, settings),
        meaning=_text(decision).meaning,
        seen_seconds_ago=time.monotonic() - seen_at,
        applied=evidence.applied if is_read else None,
        pending=len(evidence.known.pending) if evidence.known else None,
        next_changesets=list(evidence.known.pending[:_MAX_NEXT]) if evidence.known else [],
        failed_changeset=decision.changeset or None,
        lock_held=locked if is_read else None,
        locked_by=evidence.lock.locked_by if locked else None,
        lock_seconds=max(evidence.lock.age, 0.0) if locked else None,
        statement=evidence.statement or None,
        **_explained(explained),
    )


def _explained(explained: Explanation) -> dict[str, list[str]]:
    return {name: list(getattr(explained, name)) for name in ("facts", "doubts", "advice")}


def _verdict(decision: Decision, settings: Settings) -> Verdict:
    text = _text(decision)
    return Verdict(
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
    )
