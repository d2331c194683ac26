"""Index builds: how far those in progress are, how others ended, and what they left invalid.

Series of a build in progress end with it, so an alert on its elapsed time does too. What ends
between two scrapes is counted by the watcher.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.index_builds import index_build_families as of
from pg_migration_exporter.collectors.index_builds import sql
from pg_migration_exporter.collectors.index_builds.builds import (
    Build,
    Outcome,
    Sighting,
    read_sightings,
)
from pg_migration_exporter.collectors.index_builds.memory import IndexBuildMemory, InvalidIndex
from pg_migration_exporter.events import Event, EventKind
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS
from pg_migration_exporter.postgres.query import array
from pg_migration_exporter.postgres.rows import Rows

#: Seconds between looks at every index of the database.
_INVALID_EVERY = 60.0


async def collect(context: RunContext[IndexBuildMemory]) -> None:
    """Look, and publish what is under way and what is remembered."""
    sightings = await _look(context)
    for seen in sightings:
        _publish_build(context, seen, context.memory)
    _publish_memory(context, context.memory)


async def watch(context: RunContext[IndexBuildMemory]) -> bool:
    """Look, so that builds between two scrapes are noticed; True while one is under way."""
    return bool(await _look(context)) or bool(context.memory.builds)


async def _look(context: RunContext[IndexBuildMemory]) -> list[Sighting]:
    memory = context.memory
    look = memory.begin_look()
    answer = await context.query(sql.IN_PROGRESS)
    sightings, now = read_sightings(answer), answer.rows[0][answer.columns.index("now")]
    for kind, build in memory.see(sightings, now, look):
        _emit(context, kind, build, command=build.command, phase=build.phase)
    ended = await _settle(context, memory.take_ended(sightings, look))
    await _look_for_invalid(context, memory, everywhere=ended)
    return sightings


async def _settle(context: RunContext[IndexBuildMemory], gone: Sequence[Build]) -> bool:
    """Count the builds whose transaction is over, keep the others; True if one was counted."""
    memory = context.memory
    counted = []
    try:
        for build in gone:
            [(is_open, ended)] = (await context.query(sql.IS_OPEN, *build.traits)).rows
            alone = [one.statement for one in gone].count(build.statement) == 1
            build.end(ended, alone=alone)
            if is_open:
                continue
            outcome = await _outcome(context, build)
            memory.count(build, outcome)
            counted.append(build)
            kind = EventKind(f"index_build_{outcome}")
            _emit(context, kind, build, command=build.command, seconds=round(build.seconds, 3))
    finally:
        memory.builds.extend(build for build in gone if build not in counted)
    return bool(counted)


async def _outcome(context: RunContext[IndexBuildMemory], build: Build) -> Outcome:
    outcome = build.outcome(await context.query(sql.AFTERWARDS, str(build.relid)))
    if outcome != "invalid":
        return outcome
    # Once more: another build of the table that ended during the first look is valid by now.
    return build.outcome(await context.query(sql.AFTERWARDS, str(build.relid)))


async def _look_for_invalid(
    context: RunContext[IndexBuildMemory], memory: IndexBuildMemory, *, everywhere: bool
) -> None:
    """Look at all indexes once in a while or after a build, at those known to be invalid always.

    Scrapes and the watcher look at the same time: what one has found, the other must not forget.
    """
    now = time.monotonic()
    if everywhere or now - memory.invalid_looked_at >= _INVALID_EVERY:
        found = _read_invalid(await context.query(sql.INVALID_ANYWHERE), memory)
        # Once more: a build that ended during the first look is valid by now.
        memory.invalid |= await _still_invalid(context, memory, found)
        memory.invalid_looked_at = now
    known = dict(memory.invalid)
    still = await _still_invalid(context, memory, known)
    memory.invalid = {
        oid: index for oid, index in memory.invalid.items() if oid in still or oid not in known
    }


async def _still_invalid(
    context: RunContext[IndexBuildMemory],
    memory: IndexBuildMemory,
    indexes: Mapping[int, InvalidIndex],
) -> dict[int, InvalidIndex]:
    if not indexes:
        return {}
    return _read_invalid(await context.query(sql.INVALID_AMONG, array(indexes)), memory)


def _read_invalid(answer: Rows, memory: IndexBuildMemory) -> dict[int, InvalidIndex]:
    since = {oid: index.since for oid, index in memory.invalid.items()}
    return {
        oid: InvalidIndex(schemaname, relname, indexrelname, since.get(oid, now))
        for oid, schemaname, relname, indexrelname, now in answer.rows
    }


def _emit(
    context: RunContext[IndexBuildMemory], kind: EventKind, build: Build, **details: str | float
) -> None:
    context.emit(Event(kind, context.capabilities.datname, build.subject, details))


def _publish_build(
    context: RunContext[IndexBuildMemory], seen: Sighting, memory: IndexBuildMemory
) -> None:
    named = (seen.schemaname, seen.relname, seen.indexrelname, seen.command)
    labels = (context.capabilities.datname, *named)
    course = memory.course(seen)
    context.add(of.BUILD_DURATION, seen.elapsed, *labels)
    context.add(of.BLOCKED, seen.blocked, *labels)
    context.add(of.LOCKERS, seen.lockers, *labels)
    if seen.ratio is not None:
        context.add(of.PROGRESS, course.ratio, *labels, seen.phase)
    if (remaining := course.remaining()) is not None:
        context.add(of.ETA, remaining, *labels)
    if seen.locker is not None:
        application_name, state, transaction = seen.locker
        context.add(of.LOCKER_TRANSACTION, transaction, *labels, application_name, state)


def _publish_memory(context: RunContext[IndexBuildMemory], memory: IndexBuildMemory) -> None:
    datname = context.capabilities.datname
    for command, outcomes in memory.counts.items():
        for outcome, count in outcomes.items():
            context.add(of.BUILDS, count, datname, command, outcome)
        context.add(of.COMPLETED_DURATION, memory.durations[command].snapshot(), datname, command)
    for index in memory.invalid.values():
        labels = (datname, index.schemaname, index.relname, index.indexrelname)
        context.add(of.INVALID, 1, *labels)
        context.add(of.INVALID_AGE, max(memory.seen_at - index.since, 0.0), *labels)


INDEX_BUILDS = Collector(
    name="index_builds",
    help="CREATE INDEX, REINDEX and rewriting ALTER TABLE: progress and outcome; invalid indexes.",
    sources=("pg_stat_progress_create_index", "pg_stat_activity", "pg_locks", "pg_index"),
    families=of.FAMILIES,
    queries=(
        sql.IN_PROGRESS,
        sql.IS_OPEN,
        sql.AFTERWARDS,
        sql.INVALID_ANYWHERE,
        sql.INVALID_AMONG,
    ),
    requires=(READ_ALL_STATS,),
    collect=collect,
    memory=lambda _: IndexBuildMemory(),
    watch=watch,
)
