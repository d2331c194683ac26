"""The collector of Liquibase's migrations: poll every changelog, publish its state and history."""

from __future__ import annotations

import asyncio

from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.liquibase.liquibase_families import FAMILIES
from pg_migration_exporter.collectors.liquibase.memory import LiquibaseMemory
from pg_migration_exporter.collectors.liquibase.samples import publish_history, publish_state
from pg_migration_exporter.config.schema import Settings
from pg_migration_exporter.liquibase.history import lineage, rollbacks, statements
from pg_migration_exporter.liquibase.history import tables as sql
from pg_migration_exporter.liquibase.history.room import HistoryRoom
from pg_migration_exporter.liquibase.locks.keys import SAMPLE_KEY
from pg_migration_exporter.liquibase.locks.row import READ_LOCK, READ_NO_LOCK
from pg_migration_exporter.liquibase.locks.sessions import READ_SESSIONS
from pg_migration_exporter.liquibase.logs import run_errors
from pg_migration_exporter.liquibase.logs.received import ReceivedErrors
from pg_migration_exporter.liquibase.reports import table as report_table
from pg_migration_exporter.liquibase.reports.received import ReceivedReports
from pg_migration_exporter.liquibase.state.changelog_reader import (
    ChangelogReader,
    is_lock_written,
)
from pg_migration_exporter.liquibase.state.evidence import Evidence, TableAccess
from pg_migration_exporter.liquibase.state.tracked import ChangelogSnapshot
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS


async def collect(context: RunContext[LiquibaseMemory]) -> None:
    """Poll every changelog and publish its state and history."""
    snapshots = await poll(context)
    refused = len(context.memory.refused) + (context.memory.reports.refused is not None)
    context.bounds.leave_out("untrusted_tables", refused)
    for snapshot in snapshots:
        publish_state(context, snapshot)
        changelog = context.memory.tracked.get(snapshot.changelog)
        if changelog is not None:
            publish_history(context, changelog)


async def watch(context: RunContext[LiquibaseMemory]) -> bool:
    """Poll every changelog to notice short runs; return whether a run is in progress."""
    return any(_is_running(snapshot.evidence) for snapshot in await poll(context))


async def sample(context: RunContext[LiquibaseMemory]) -> bool:
    """Read the row of each lock; True if it was written, or errors arrived, since the last read.

    Two commands that take a second each are never mistaken for one.
    """
    changelogs, log_errors = context.memory.tracked.values(), context.memory.log_errors
    due = [await is_lock_written(context.query, changelog) for changelog in changelogs]
    return any(due) or (log_errors is not None and log_errors.is_poll_due)


def _is_running(evidence: Evidence) -> bool:
    return evidence.lock.locked or evidence.sessions > 0 or evidence.reported_running


async def poll(context: RunContext[LiquibaseMemory]) -> list[ChangelogSnapshot]:
    """Return a snapshot of every changelog; if there is none, one without a name."""
    async with context.memory.polling:
        return await _poll(context)


async def _poll(context: RunContext[LiquibaseMemory]) -> list[ChangelogSnapshot]:
    memory, datname = context.memory, context.capabilities.datname
    await memory.check_lineage(context.query)
    changelogs = await memory.find_changelogs(context.query, datname, context.bounds)
    if not changelogs and not context.capabilities.in_recovery:
        await memory.record_no_changelog(context.query)
    room = HistoryRoom(context.bounds.limit("changesets") - memory.recorded)
    await memory.reports.refresh(context.query)
    context.bounds.leave_out("reports", memory.reports.left_out)
    reader = ChangelogReader(
        context.query,
        context.settings.liquibase,
        datname,
        context.emit,
        memory.reports,
        context.capabilities.commit_timestamps,
        room,
        context.capabilities.statements_schema,
        context.capabilities.in_recovery,
        memory.log_errors,
        memory.next_xid,
    )
    if memory.log_errors is not None:
        memory.log_errors.polled = memory.log_errors.received
    snapshots = await asyncio.gather(*(reader.read(changelog) for changelog in changelogs))
    memory.record(snapshots)
    for snapshot in snapshots:
        _record_problem(context, snapshot)
    return memory.snapshots


def _record_problem(context: RunContext[LiquibaseMemory], snapshot: ChangelogSnapshot) -> None:
    """Log what is wrong with one history, and count what is not read of it."""
    subject, evidence = f"changelog {snapshot.changelog}", snapshot.evidence
    if evidence.table_access is TableAccess.TOO_LARGE:
        context.bounds.leave_out("changesets", 1)
    if evidence.table_access in (TableAccess.UNFIT, TableAccess.TOO_LARGE):
        context.failures.record(subject, snapshot.decision.reason)
    else:
        context.failures.clear(subject)


def _new_memory(settings: Settings) -> LiquibaseMemory:
    log_errors = ReceivedErrors() if settings.reports.endpoint.log_errors else None
    return LiquibaseMemory(settings.liquibase, ReceivedReports(settings), log_errors)


LIQUIBASE = Collector(
    name="liquibase",
    help="State, lock and history of Liquibase's migrations.",
    sources=(
        "DATABASECHANGELOG",
        "DATABASECHANGELOGLOCK",
        "pg_stat_activity",
        "pg_locks",
        "row counters of both tables",
    ),
    families=FAMILIES,
    queries=(
        sql.DISCOVER_BY_NAME,
        sql.DISCOVER_BY_COLUMNS,
        sql.READ_ROWS,
        sql.READ_FIRST_ROW,
        READ_LOCK,
        READ_NO_LOCK,
        SAMPLE_KEY,
        sql.READ_COUNTERS,
        sql.SAMPLE_LOCK,
        statements.COUNT,
        rollbacks.READ,
        rollbacks.READ_LAST_RUN,
        READ_SESSIONS,
        lineage.READ,
        lineage.READ_WITHOUT_SYSTEM,
        report_table.FIND,
        report_table.READ,
        run_errors.READ_MIGRATOR,
    ),
    cost="moderate",
    requires=(READ_ALL_STATS,),
    collect=collect,
    memory=_new_memory,
    watch=watch,
    sample=sample,
)
