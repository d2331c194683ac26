"""Reads the index builds in progress, counts those that ended, and finds invalid indexes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.collectors.index_builds import sql
from pg_migration_exporter.collectors.index_builds.memory import IndexBuildMemory, InvalidIndex
from pg_migration_exporter.collectors.index_builds.snapshot import BuildSnapshot, read_snapshots
from pg_migration_exporter.collectors.index_builds.tracked_build import Outcome, TrackedBuild
from pg_migration_exporter.events import Event, EventKind
from pg_migration_exporter.postgres.query import array
from pg_migration_exporter.postgres.rows import Rows

#: Seconds between reads of every index of the database.
_INVALID_INTERVAL = 60.0

Context = RunContext[IndexBuildMemory]


async def observe(context: Context) -> list[BuildSnapshot]:
    """Read the builds in progress, update the memory, emit events."""
    memory = context.memory
    read_number = memory.begin_read()
    rows = await context.query(sql.IN_PROGRESS)
    snapshots = read_snapshots(rows)
    now = rows.rows[0][rows.columns.index("now")]
    for change in memory.update(snapshots, now, read_number):
        build = change.build
        _emit(context, change.kind, build, command=build.command, phase=build.phase)
    any_ended = await _count_ended(context, memory.take_ended(snapshots, read_number))
    await _update_invalid(context, everywhere=any_ended)
    return snapshots


async def _count_ended(context: Context, ended: Sequence[TrackedBuild]) -> bool:
    """Count the builds whose transaction is over, keep the others; True if any was counted."""
    counted = []
    try:
        for build in ended:
            [(is_open, statement_ended)] = (
                await context.query(sql.IS_OPEN, *build.parameters)
            ).rows
            alone = [other.statement for other in ended].count(build.statement) == 1
            build.end(statement_ended, alone=alone)
            if is_open:
                continue
            outcome = await _outcome(context, build)
            context.memory.count(build, outcome)
            counted.append(build)
            kind = EventKind(f"index_build_{outcome}")
            _emit(context, kind, build, command=build.command, seconds=round(build.seconds, 3))
    finally:
        context.memory.builds.extend(build for build in ended if build not in counted)
    return bool(counted)


async def _outcome(context: Context, build: TrackedBuild) -> Outcome:
    outcome = build.outcome(await context.query(sql.AFTERWARDS, str(build.relid)))
    if outcome != "invalid":
        return outcome
    # Once more: another build of the table that ended during the first read is valid by now.
    return build.outcome(await context.query(sql.AFTERWARDS, str(build.relid)))


async def _update_invalid(context: Context, *, everywhere: bool) -> None:
    """Read all indexes once in a while or after a build, and the known invalid ones always.

    Scrapes and the watcher run at the same time: neither may drop what the other has found.
    """
    memory = context.memory
    now = time.monotonic()
    if everywhere or now - memory.invalid_read_at >= _INVALID_INTERVAL:
        found = _read_invalid(await context.query(sql.INVALID_ANYWHERE), memory)
        # Once more: a build that ended during the first read is valid by now.
        memory.invalid |= await _still_invalid(context, found)
        memory.invalid_read_at = now
    known = dict(memory.invalid)
    still = await _still_invalid(context, known)
    memory.invalid = {
        oid: index for oid, index in memory.invalid.items() if oid in still or oid not in known
    }


async def _still_invalid(
    context: Context, indexes: Mapping[int, InvalidIndex]
) -> dict[int, InvalidIndex]:
    if not indexes:
        return {}
    return _read_invalid(await context.query(sql.INVALID_AMONG, array(indexes)), context.memory)


def _read_invalid(rows: Rows, memory: IndexBuildMemory) -> dict[int, InvalidIndex]:
    since = {oid: index.since for oid, index in memory.invalid.items()}
    return {
        oid: InvalidIndex(schemaname, relname, indexrelname, since.get(oid, now))
        for oid, schemaname, relname, indexrelname, now in rows.rows
    }


def _emit(context: Context, kind: EventKind, build: TrackedBuild, **details: str | float) -> None:
    context.emit(Event(kind, context.capabilities.datname, build.subject, details))
