"""The collector of query latency and of the top statements, from pg_stat_statements.

Counts start at the first read of the exporter; docs/query-latency.md explains the numbers.
"""

from __future__ import annotations

from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.query_duration import sql
from pg_migration_exporter.collectors.query_duration.query_duration_families import (
    FAMILIES,
    QUERY_DURATION,
    STATEMENT_CALLS,
    STATEMENT_EVICTIONS,
    STATEMENT_ROWS,
    STATEMENT_SECONDS,
)
from pg_migration_exporter.collectors.query_duration.statement_memory import StatementMemory
from pg_migration_exporter.collectors.query_duration.top_statements import Counters
from pg_migration_exporter.postgres.capabilities import (
    CURRENT_STATEMENTS,
    READ_ALL_STATS,
    STATEMENTS,
)


async def collect(context: RunContext[StatementMemory]) -> None:
    """Publish the memory, which the watcher keeps up to date; read only if it does not."""
    memory = context.memory
    await memory.read(context, with_burst=False)
    for datname, histogram in memory.histograms.items():
        context.add(QUERY_DURATION, histogram.snapshot(), datname, "statements")
    for statement, counters in memory.top.series():
        queryid = str(statement.queryid)
        _add_counters(context, counters, statement.datname, queryid, statement.usename)
    for datname, counters in memory.top.others():
        _add_counters(context, counters, datname, "other", "")
    if memory.evictions is not None:
        context.add(STATEMENT_EVICTIONS, memory.evictions)


async def sample(context: RunContext[StatementMemory]) -> bool:
    """Read between scrapes, with a burst of samples."""
    await context.memory.read(context, with_burst=True)
    return False


def _add_counters(context: RunContext[StatementMemory], counters: Counters, *labels: str) -> None:
    context.add(STATEMENT_CALLS, counters.calls, *labels)
    context.add(STATEMENT_SECONDS, counters.seconds, *labels)
    context.add(STATEMENT_ROWS, counters.rows, *labels)


QUERY_DURATIONS = Collector(
    name="query_duration",
    help="Latency of statements as a histogram, and those with most time.",
    sources=("pg_stat_statements",),
    level="server",
    families=FAMILIES,
    queries=(sql.STATEMENTS, sql.SOURCE, sql.NAMES, sql.BURST, sql.OWN_STATEMENTS),
    cost="moderate",
    requires=(READ_ALL_STATS, STATEMENTS, CURRENT_STATEMENTS),
    collect=collect,
    sample=sample,
    memory=lambda settings: StatementMemory(
        settings.statements, migrators=settings.liquibase.roles
    ),
)
