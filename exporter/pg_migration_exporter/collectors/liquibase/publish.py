"""From what was observed of a changelog to samples."""

from __future__ import annotations

import time

from pg_migration_exporter.collectors.base import Scope
from pg_migration_exporter.collectors.liquibase.families import (
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
from pg_migration_exporter.liquibase.evidence import Evidence, Expected, Reading
from pg_migration_exporter.liquibase.observe import Observation, Subject, deployment_time
from pg_migration_exporter.liquibase.state import Status, Verdict


def publish_state(scope: Scope, changelog: str, observation: Observation) -> None:
    """Publish the state, the lock and what the changelog files tell."""
    labels = (scope.capabilities.datname, changelog)
    evidence, verdict = observation.evidence, observation.verdict
    for status in Status:
        scope.add(STATUS, int(status is verdict.status), *labels, status)
    if verdict.status is Status.FAILED:
        source = "inferred" if verdict.inferred else "reported"
        scope.add(FAILURE, 1, *labels, verdict.changeset, source)
    if evidence.reading is Reading.COMPLETE:
        _publish_lock(scope, labels, evidence, verdict)
        _publish_files(scope, labels, evidence.expected)


def _publish_lock(
    scope: Scope, labels: tuple[str, str], evidence: Evidence, verdict: Verdict
) -> None:
    scope.add(BLOCKED, int(verdict.blocked), *labels)
    scope.add(LOCK_HELD, int(evidence.lock.locked), *labels)
    if evidence.lock.locked:
        scope.add(LOCK_AGE, evidence.lock.age, *labels)
        scope.add(LOCK_HOLDER, 1, *labels, evidence.lock.locked_by)
        if verdict.status is Status.RUNNING:
            scope.add(RUN_DURATION, evidence.lock.age, *labels)


def _publish_files(scope: Scope, labels: tuple[str, str], expected: Expected | None) -> None:
    if expected is None:
        return
    scope.add(READABLE, int(expected.unreadable is None), *labels)
    if expected.unreadable is None:
        scope.add(PENDING, len(expected.pending), *labels)
        for changeset in expected.pending[:1]:
            scope.add(NEXT, 1, *labels, changeset)
        scope.add(UNEXPECTED, len(expected.unexpected), *labels)
        scope.add(DRIFTED, len(expected.drifted), *labels)


def publish_history(scope: Scope, changelog: str, subject: Subject) -> None:
    """Publish the history, and what was counted over time."""
    labels = (scope.capabilities.datname, changelog)
    history, memory = subject.history, subject.memory
    for outcome in ("succeeded", "failed", "rolled_back", "unknown"):
        scope.add(RUNS, memory.runs.get(outcome, 0), *labels, outcome)
    scope.add(CHANGESET_DURATION, memory.durations.snapshot(), *labels)
    if not history.version:
        return
    scope.add(APPLIED, len(history.checksums), *labels)
    for tag in history.tags:
        scope.add(TAG_PRESENT, 1, *labels, tag)
    deployed_at = deployment_time(history.last, time.time()) if history.last else None
    if deployed_at is not None:
        scope.add(LAST_DEPLOYMENT, deployed_at, *labels)
        scope.add(LAST_DEPLOYMENT_CHANGESETS, history.deployed, *labels)
