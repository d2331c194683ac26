"""Makes samples of the index builds in progress and of what is remembered of others."""

from __future__ import annotations

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.collectors.index_builds import index_build_families as families
from pg_migration_exporter.collectors.index_builds.memory import IndexBuildMemory
from pg_migration_exporter.collectors.index_builds.snapshot import BuildSnapshot


def publish_build(context: RunContext[IndexBuildMemory], build: BuildSnapshot) -> None:
    """Add the samples of one build in progress."""
    names = (build.schemaname, build.relname, build.indexrelname, build.command)
    labels = (context.capabilities.datname, *names)
    progress = context.memory.progress_of(build)
    context.add(families.BUILD_DURATION, build.elapsed, *labels)
    context.add(families.BLOCKED, build.blocked, *labels)
    context.add(families.LOCKERS, build.lockers, *labels)
    if build.ratio is not None:
        context.add(families.PROGRESS, progress.ratio, *labels, build.phase)
    if (remaining := progress.remaining()) is not None:
        context.add(families.ETA, remaining, *labels)
    if locker := build.locker:
        more = (locker.application_name, locker.state)
        context.add(families.LOCKER_TRANSACTION, locker.transaction, *labels, *more)


def publish_memory(context: RunContext[IndexBuildMemory]) -> None:
    """Add the counters of the builds that ended, and the invalid indexes."""
    datname, memory = context.capabilities.datname, context.memory
    for command, outcomes in memory.counts.items():
        for outcome, count in outcomes.items():
            context.add(families.BUILDS, count, datname, command, outcome)
        durations = memory.durations[command].snapshot()
        context.add(families.COMPLETED_DURATION, durations, datname, command)
    for index in memory.invalid.values():
        labels = (datname, index.schemaname, index.relname, index.indexrelname)
        context.add(families.INVALID, 1, *labels)
        context.add(families.INVALID_AGE, max(memory.updated_at - index.since, 0.0), *labels)
