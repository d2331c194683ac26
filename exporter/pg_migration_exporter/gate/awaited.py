"""What `wait` waits for: a state of the migrations, or the verdict go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from pg_migration_exporter.gate.check import Finding, passed, unknown
from pg_migration_exporter.gate.reasons import sentences
from pg_migration_exporter.gate.subject import Subject
from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.status.cache import REFRESH_INTERVAL
from pg_migration_exporter.status.model import Migration, TargetStatus


def _go(status: TargetStatus) -> Finding:
    if status.verdict.verdict == "go":
        return passed("the verdict is go")
    return Finding("fail", sentences(status.verdict.reasons), "hold")


def _migrations(is_done: Callable[[Migration], bool]) -> Callable[[TargetStatus], Finding]:
    """Return what every migration must be; one that failed ends the wait."""

    def judge(status: TargetStatus) -> Finding:
        if not status.server.reached or not status.migrations:
            return unknown(status.server.problem or "no changelog is known")
        texts = "; ".join(map(_describe, status.migrations))
        if any(found.status is MigrationState.FAILED for found in status.migrations):
            return Finding("fail", texts, "abort")
        is_over = all(map(is_done, status.migrations))
        return passed(texts) if is_over else Finding("fail", texts, "hold")

    return judge


def _describe(migration: Migration) -> str:
    pending = "" if migration.pending is None else f", {migration.pending} pending"
    name = migration.changelog or "the changelog"
    return f"{name} in {migration.datname}: {migration.status}{pending}"


def _has_succeeded(migration: Migration) -> bool:
    return migration.status is MigrationState.SUCCEEDED


def _has_nothing_pending(migration: Migration) -> bool:
    return migration.pending == 0 and migration.status is not MigrationState.RUNNING


#: By the name of `--for`.
CONDITIONS: Mapping[str, Callable[[TargetStatus], Finding]] = {
    "succeeded": _migrations(_has_succeeded),
    "nothing-pending": _migrations(_has_nothing_pending),
    "go": _go,
}


async def wait_for(subject: Subject, condition: str, timeout: float) -> Finding:
    """Ask until it is so, until waiting does not help, or for `timeout` seconds."""
    ends = time.monotonic() + timeout
    while True:
        found = CONDITIONS[condition](await subject.status())
        if found.result == "pass" or found.verdict == "abort" or time.monotonic() >= ends:
            return found
        await asyncio.sleep(REFRESH_INTERVAL)
