"""Lock chains: which sessions wait, for how long, behind which, and how many behind a migration.

Numbers and names of which there are few are metrics. Pids, statements and the whole tree are for
the status page (`LockMemory.report`) and, without statements, for events.
"""

from __future__ import annotations

from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.locks import sql
from pg_migration_exporter.collectors.locks.chains import Chains, read_sessions
from pg_migration_exporter.collectors.locks.events import emit_waits
from pg_migration_exporter.collectors.locks.lock_families import FAMILIES
from pg_migration_exporter.collectors.locks.memory import LockMemory
from pg_migration_exporter.collectors.locks.publish import (
    publish_counts,
    publish_queues,
    publish_roots,
)
from pg_migration_exporter.collectors.shown_databases import database_limit
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS


async def collect(context: RunContext[LockMemory]) -> None:
    """Publish the queues of this database and, in the main one, the counts of all."""
    chains = await _read_chains(context)
    publish_queues(context, chains)
    if context.is_main:
        publish_counts(context, chains, await context.query(sql.DATABASES, *context.parameters))
        publish_roots(context, chains)


async def watch(context: RunContext[LockMemory]) -> bool:
    """Emit chains that begin and end; True while there is one."""
    chains = await _read_chains(context)
    if context.is_main:
        emit_waits(context, chains)
    return bool(chains.edges)


async def _read_chains(context: RunContext[LockMemory]) -> Chains:
    chains = Chains.of(read_sessions(await context.query(sql.WAITS)))
    context.memory.chains = chains
    return chains


LOCKS = Collector(
    name="locks",
    help="Sessions that wait for locks, and behind whom.",
    sources=("pg_locks", "pg_stat_activity", "pg_blocking_pids()"),
    families=FAMILIES,
    queries=(sql.DATABASES, sql.WAITS),
    requires=(READ_ALL_STATS,),
    parameters=database_limit,
    collect=collect,
    memory=lambda _: LockMemory(),
    watch=watch,
)
