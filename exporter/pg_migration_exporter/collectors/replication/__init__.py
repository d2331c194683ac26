"""Physical replication from both sides, replication slots, and subscriptions."""

from __future__ import annotations

from pg_migration_exporter.collectors.columns import collect_columns
from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.replication import senders, slots, standby, subscriptions
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


async def collect(context: RunContext[standby.StandbyMemory]) -> None:
    """Read what both sides say, and correct what a standby cannot know by itself."""
    await collect_columns(context)
    if context.capabilities.in_recovery:
        context.memory.correct(context.families[LAG_SECONDS.name])


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
    queries=(senders.BEHIND, senders.COUNTED, standby.STANDBY),
    level="server",
    requires=(READ_ALL_STATS,),
    collect=collect,
    memory=lambda _: standby.StandbyMemory(),
)

REPLICATION_SLOTS: Collector[None] = Collector(
    name="replication_slots",
    help="What replication slots hold back.",
    sources=("pg_replication_slots", "pg_stat_replication_slots"),
    families=slots.FAMILIES,
    queries=(slots.SLOTS,),
    level="server",
)

SUBSCRIPTIONS: Collector[None] = Collector(
    name="subscriptions",
    help="Logical replication on the receiving side.",
    sources=(
        "pg_subscription",
        "pg_stat_subscription",
        "pg_stat_subscription_stats",
        "pg_subscription_rel",
    ),
    families=subscriptions.FAMILIES,
    queries=(subscriptions.WORKERS, subscriptions.TABLES),
)
