"""The collector of query latency from the histogram of pg_stat_monitor, where it is installed."""

from __future__ import annotations

from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.query_duration import sql
from pg_migration_exporter.collectors.query_duration.monitor_memory import MonitorMemory
from pg_migration_exporter.collectors.query_duration.query_duration_families import QUERY_DURATION
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS, STATEMENT_MONITOR


async def collect(context: RunContext[MonitorMemory]) -> None:
    """Publish the memory, which the watcher keeps up to date; read only if it does not."""
    memory = context.memory
    await memory.read(context)
    for datname, histogram in memory.histograms.items():
        context.add(QUERY_DURATION, histogram.snapshot(), datname, "monitor")


async def sample(context: RunContext[MonitorMemory]) -> bool:
    """Read between scrapes."""
    await context.memory.read(context)
    return False


MONITORED_DURATIONS = Collector(
    name="query_monitor",
    help="Latency of statements as the histogram of pg_stat_monitor, where it is installed.",
    sources=("pg_stat_monitor",),
    level="server",
    families=(QUERY_DURATION,),
    queries=(sql.MONITOR, sql.SLICES, sql.NAMES),
    cost="moderate",
    requires=(STATEMENT_MONITOR, READ_ALL_STATS),
    collect=collect,
    sample=sample,
    memory=lambda settings: MonitorMemory(settings.statements),
)
