"""Replication as the sending and the receiving side report it."""

from __future__ import annotations

from pg_migration_exporter.collectors.columns import collect_columns
from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.replication import senders, standby
from pg_migration_exporter.collectors.replication.standby import StandbyMemory
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS

LAG_SECONDS = Family(
    "postgres_replication_lag_seconds",
    "gauge",
    "How far a standby is behind in time; replica is its application_name, on a standby itself "
    "'self'. Absent where it cannot be known.",
    ("replica",),
)
LAG_BYTES = Family(
    "postgres_replication_lag_bytes",
    "gauge",
    "WAL that a standby is behind by: written here and not yet sent, written, flushed or replayed "
    "there.",
    ("replica", "stage"),
)


async def collect(context: RunContext[StandbyMemory]) -> None:
    """Read the columns; on a standby, limit its own lag by what is remembered."""
    await collect_columns(context)
    if context.capabilities.in_recovery:
        context.memory.limit_lag(context.families[LAG_SECONDS.name])


REPLICATION = Collector(
    name="replication",
    help="Lag of standbys and of the server itself.",
    sources=(
        "pg_stat_replication",
        "pg_stat_wal_receiver",
        "pg_replication_slots",
        "WAL functions",
    ),
    families=(LAG_SECONDS, LAG_BYTES, *senders.FAMILIES, *standby.FAMILIES),
    queries=(senders.BEHIND, senders.COUNTED, standby.STANDBY, standby.NAME),
    level="server",
    requires=(READ_ALL_STATS,),
    collect=collect,
    memory=lambda _: StandbyMemory(),
)
