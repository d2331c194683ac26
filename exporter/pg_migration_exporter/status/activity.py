"""Activity in the databases: index builds, invalid indexes, and lock waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pg_migration_exporter.collectors.index_builds import index_build_families as index_builds
from pg_migration_exporter.collectors.locks import LOCKS
from pg_migration_exporter.collectors.locks import lock_families as locks
from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.metrics.families import Histogram
from pg_migration_exporter.postgres.statement_kind import kind_of
from pg_migration_exporter.status.model import IndexBuild, InvalidIndex, Locker, SessionInfo, Waits
from pg_migration_exporter.status.samples import Samples

#: The most sessions listed that wait for the same session; the others are counted.
_MAX_WAITERS = 50


def builds(samples: Samples) -> list[IndexBuild]:
    """Return the index builds in progress, the longest first."""
    found = [
        _build(labels, float(elapsed), samples)
        for labels, elapsed in samples.rows(index_builds.BUILD_DURATION)
        if not isinstance(elapsed, Histogram)
    ]
    return sorted(found, key=lambda build: -build.elapsed_seconds)


def _build(labels: dict[str, str], elapsed: float, samples: Samples) -> IndexBuild:
    progress = [
        (found["phase"], value)
        for found, value in samples.rows(index_builds.PROGRESS)
        if labels.items() <= found.items()
    ]
    phase, ratio = progress[0] if progress else (None, None)
    return IndexBuild.model_validate(
        {
            **labels,
            "phase": phase,
            "progress": ratio,
            "elapsed_seconds": elapsed,
            "eta_seconds": samples.number(index_builds.ETA, **labels),
            "lockers": samples.number(index_builds.LOCKERS, **labels) or 0,
            "blocked_seconds": samples.number(index_builds.BLOCKED, **labels) or 0,
            "locker": _locker(labels, samples),
        }
    )


def _locker(labels: dict[str, str], samples: Samples) -> Locker | None:
    for found, seconds in samples.rows(index_builds.LOCKER_TRANSACTION):
        if labels.items() <= found.items():
            return Locker.model_validate(
                {
                    "application_name": found["application_name"],
                    "state": found["state"],
                    "transaction_seconds": seconds,
                }
            )
    return None


def invalid_indexes(samples: Samples) -> list[InvalidIndex]:
    """Return the indexes that builds left invalid."""
    return [
        InvalidIndex.model_validate(
            {**labels, "seconds": samples.number(index_builds.INVALID_AGE, **labels)}
        )
        for labels, _ in samples.rows(index_builds.INVALID)
    ]


def waits(target: Target, samples: Samples) -> Waits | None:
    """Return the lock waits; None if the collector did not answer."""
    blocked = samples.numbers(locks.BLOCKED)
    if not blocked:
        return None
    return Waits(
        blocked=int(sum(blocked)),
        longest_seconds=max(samples.numbers(locks.LONGEST_WAIT), default=0.0),
        behind_migrations=int(sum(samples.numbers(locks.MIGRATION_BLOCKED))),
        trees=[
            _session(tree, target.settings)
            for database in target.databases()
            if (memory := database.memory(LOCKS.name)) is not None
            for tree in memory.report()
        ],
    )


def _session(tree: Mapping[str, Any], settings: Settings) -> SessionInfo:
    waiters = tree["waiters"]
    return SessionInfo.model_validate(
        {
            **tree,
            "is_migration": tree["application_name"] in settings.liquibase.application_names,
            "kind": kind_of(tree["statement"]),
            "statement": tree["statement"] if settings.status.statements else None,
            "waiters": [_session(waiter, settings) for waiter in waiters[:_MAX_WAITERS]],
            "waiters_left_out": max(len(waiters) - _MAX_WAITERS, 0),
        }
    )
