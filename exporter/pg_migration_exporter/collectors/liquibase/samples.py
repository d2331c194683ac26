"""Make samples from the snapshot and the history of a changelog."""

from __future__ import annotations

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
    LOCK_WAITERS,
    NEXT,
    PENDING,
    READABLE,
    RUN_DURATION,
    RUNS,
    STATUS,
    TAG_PRESENT,
    UNEXPECTED,
)
from pg_migration_exporter.formatting import shortened
from pg_migration_exporter.liquibase.state.decide import Decision, MigrationState
from pg_migration_exporter.liquibase.state.evidence import (
    ChangelogComparison,
    Evidence,
    TableAccess,
)
from pg_migration_exporter.liquibase.state.tracked import ChangelogSnapshot, TrackedChangelog


def publish_state(context: RunContext[Any], snapshot: ChangelogSnapshot) -> None:
    """Publish the state, the lock and the comparison with the changelog files."""
    labels = (context.capabilities.datname, snapshot.changelog)
    evidence, decision = snapshot.evidence, snapshot.decision
    for status in MigrationState:
        context.add(STATUS, int(status is decision.status), *labels, status)
    if decision.status is MigrationState.FAILED:
        context.add(FAILURE, 1, *labels, decision.changeset, _evidence_of_failure(decision))
    if evidence.table_access is TableAccess.COMPLETE:
        _publish_lock(context, labels, evidence, decision)
        _publish_files(context, labels, evidence.files)


def _evidence_of_failure(decision: Decision) -> str:
    if decision.source == "log":
        return "log"
    return "inferred" if decision.inferred else "reported"


def _publish_lock(
    context: RunContext[Any], labels: tuple[str, str], evidence: Evidence, decision: Decision
) -> None:
    context.add(BLOCKED, int(decision.blocked), *labels)
    context.add(LOCK_HELD, int(evidence.lock.locked), *labels)
    if evidence.lock.locked:
        context.add(LOCK_AGE, evidence.lock.age, *labels)
        if evidence.lock.is_judged:
            context.add(LOCK_WAITERS, evidence.lock.waiters, *labels)
        context.add(LOCK_HOLDER, 1, *labels, shortened(evidence.lock.locked_by))
        if decision.status is MigrationState.RUNNING:
            context.add(RUN_DURATION, evidence.lock.age, *labels)


def _publish_files(
    context: RunContext[Any], labels: tuple[str, str], files: ChangelogComparison | None
) -> None:
    if files is None:
        return
    context.add(READABLE, int(files.unreadable is None), *labels)
    if files.unreadable is None:
        context.add(PENDING, len(files.pending), *labels)
        for changeset in files.pending[:1]:
            context.add(NEXT, 1, *labels, shortened(changeset))
        context.add(UNEXPECTED, len(files.unexpected), *labels)
        context.add(DRIFTED, len(files.drifted), *labels)


def publish_history(context: RunContext[Any], changelog: TrackedChangelog) -> None:
    """Publish the history, and what was counted over time."""
    labels = (context.capabilities.datname, changelog.name)
    history, memory = changelog.history, changelog.memory
    for outcome in ("succeeded", "failed", "rolled_back", "unknown"):
        context.add(RUNS, memory.runs.get(outcome, 0), *labels, outcome)
    context.add(CHANGESET_DURATION, memory.durations.snapshot(), *labels)
    if not history.version:
        return
    context.add(APPLIED, len(history.contents.recorded), *labels)
    tags = history.contents.tags
    latest_first = tags.latest(context.bounds.limit("tags"))
    context.bounds.leave_out("tags", len(tags) - len(latest_first))
    for tag in dict.fromkeys(map(shortened, reversed(latest_first))):
        context.add(TAG_PRESENT, 1, *labels, tag)
    deployment = memory.deployment
    if deployment is not None and deployment.recorded_at is not None:
        context.add(LAST_DEPLOYMENT, deployment.recorded_at, *labels)
        context.add(LAST_DEPLOYMENT_CHANGESETS, history.contents.deployed, *labels)
