"""Query latency as a histogram, and the statements with most time, from pg_stat_statements.

Counts start at the exporter's first look; docs/query-latency.md says what the numbers are.
"""

from __future__ import annotations

from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.query_duration import sql
from pg_migration_exporter.collectors.query_duration.monitor import MONITORED_DURATIONS
from pg_migration_exporter.collectors.query_duration.query_duration_families import (
    FAMILIES,
    QUERY_DURATION,
    STATEMENT_CALLS,
    STATEMENT_EVICTIONS,
    STATEMENT_ROWS,
    STATEMENT_SECONDS,
)
from pg_migration_exporter.collectors.query_duration.sampling import Statements
from pg_migration_exporter.collectors.query_duration.top import Counters
from pg_migration_exporter.postgres.capabilities import (
    CURRENT_STATEMENTS,
    READ_ALL_STATS,
    STATEMENTS,
)

_OTHER = ("other", "")


async def collect(context: RunContext[Statements]) -> None:
    """Publish what the watcher sampled; look only if it does not."""
    memory = context.memory
    await memory.look(context, glimpses=False)
    for datname, histogram in memory.histograms.items():
        context.add(QUERY_DURATION, histogram.snapshot(), datname, "statements")
    for (datname, queryid, usename), counters in memory.top.series():
        _add(context, counters, datname, str(queryid), usename)
    for datname, counters in memory.top.others():
        _add(context, counters, datname, *_OTHER)
    if memory.evictions is not None:
        context.add(STATEMENT_EVICTIONS, memory.evictions)


async def sample(context: RunContext[Statements]) -> None:
    """Look between scrapes."""
    memory = context.memory
    await memory.look(context, glimpses=True)


def _add(context: RunContext[Statements], counters: Counters, *labels: str) -> None:
    context.add(STATEMENT_CALLS, counters.calls, *labels)
    context.add(STATEMENT_SECONDS, counters.seconds, *labels)
    context.add(STATEMENT_ROWS, counters.rows, *labels)


QUERY_DURATIONS = Collector(
    name="query_duration",
    help="Latency of statements as a histogram, and those with most time.",
    sources=("pg_stat_statements",),
    level="server",
    families=FAMILIES,
    queries=(sql.STATEMENTS, sql.SOURCE, sql.NAMES, sql.GLIMPSES, sql.OWN_STATEMENTS),
    cost="moderate",
    requires=(READ_ALL_STATS, STATEMENTS, CURRENT_STATEMENTS),
    collect=collect,
    sample=sample,
    memory=lambda settings: Statements(settings.statements),
)

__all__ = ["MONITORED_DURATIONS", "QUERY_DURATION", "QUERY_DURATIONS"]
