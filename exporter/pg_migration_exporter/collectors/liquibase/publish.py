"""From what was observed of a changelog to samples."""

from __future__ import annotations

import time
from typing import Any

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.collectors.liquibase.liquibase_families import (
    APPLIED,
    BLOCKED,
    CHANGESET_DURATION,
    DRIFTED,
    FAILURE,
    LAST_DEPLOYMENT,
    LAST_DEPLOYMENT_CHANGESETS,
    LOCK_AGE,
    LOCK_HELD,
    LOCK_HOLDER,
    NEXT,
    PENDING,
    READABLE,
    RUN_DURATION,
    RUNS,
    STATUS,
    TAG_PRESENT,
    UNEXPECTED,
)
from pg_migration_exporter.liquibase.state.decide import Decision, MigrationState
from pg_migration_exporter.liquibase.state.evidence import Evidence, Expected, TableAccess
from pg_migration_exporter.liquibase.state.observer import (
    ChangelogSnapshot,
    TrackedChangelog,
    deployment_time,
)


def publish_state(context: RunContext[Any], changelog: str, observation: ChangelogSnapshot) -> None:
    """Publish the state, the lock and what the changelog files tell."""
    labels = (context.capabilities.datname, changelog)
    evidence, decision = observation.evidence, observation.decision
    for status in MigrationState:
        context.add(STATUS, int(status is decision.status), *labels, status)
    if decision.status is MigrationState.FAILED:
        source = "inferred" if decision.inferred else "reported"
        context.add(FAILURE, 1, *labels, decision.changeset, source)
    if evidence.reading is TableAccess.COMPLETE:
        _publish_lock(context, labels, evidence, decision)
        _publish_files(context, labels, evidence.expected)


def _publish_lock(
    context: RunContext[Any], labels: tuple[str, str], evidence: Evidence, decision: Decision
) -> None:
    context.add(BLOCKED, int(decision.blocked), *labels)
    context.add(LOCK_HELD, int(evidence.lock.locked), *labels)
    if evidence.lock.locked:
        context.add(LOCK_AGE, evidence.lock.age, *labels)
        context.add(LOCK_HOLDER, 1, *labels, evidence.lock.locked_by)
        if decision.status is MigrationState.RUNNING:
            context.add(RUN_DURATION, evidence.lock.age, *labels)


def _publish_files(
    context: RunContext[Any], labels: tuple[str, str], expected: Expected | None
) -> None:
    if expected is None:
        return
    context.add(READABLE, int(expected.unreadable is None), *labels)
    if expected.unreadable is None:
        context.add(PENDING, len(expected.pending), *labels)
        for changeset in expected.pending[:1]:
            context.add(NEXT, 1, *labels, changeset)
        context.add(UNEXPECTED, len(expected.unexpected), *labels)
        context.add(DRIFTED, len(expected.drifted), *labels)


def publish_history(context: RunContext[Any], changelog: str, subject: TrackedChangelog) -> None:
    """Publish the history, and what was counted over time."""
    labels = (context.capabilities.datname, changelog)
    history, memory = subject.history, subject.memory
    for outcome in ("succeeded", "failed", "rolled_back", "unknown"):
        context.add(RUNS, memory.runs.get(outcome, 0), *labels, outcome)
    context.add(CHANGESET_DURATION, memory.durations.snapshot(), *labels)
    if not history.version:
        return
    context.add(APPLIED, len(history.checksums), *labels)
    for tag in history.tags:
        context.add(TAG_PRESENT, 1, *labels, tag)
    deployed_at = deployment_time(history.last, time.time()) if history.last else None
    if deployed_at is not None:
        context.add(LAST_DEPLOYMENT, deployed_at, *labels)
        context.add(LAST_DEPLOYMENT_CHANGESETS, history.deployed, *labels)
