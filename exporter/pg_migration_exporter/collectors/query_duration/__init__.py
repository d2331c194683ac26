"""Query latency as a histogram, and the statements with most time, from pg_stat_statements.

Counts start at the exporter's first look; docs/query-latency.md says what the numbers are.
"""

from __future__ import annotations

from pg_migration_exporter.collectors.base import Collector, Scope
from pg_migration_exporter.collectors.query_duration import sql
from pg_migration_exporter.collectors.query_duration.families import (
    FAMILIES,
    QUERY_DURATION,
    STATEMENT_CALLS,
    STATEMENT_EVICTIONS,
    STATEMENT_ROWS,
    STATEMENT_SECONDS,
)
from pg_migration_exporter.collectors.query_duration.monitor import MONITORED_DURATIONS
from pg_migration_exporter.collectors.query_duration.sampling import Statements
from pg_migration_exporter.collectors.query_duration.top import Counters
from pg_migration_exporter.postgres.capabilities import (
    CURRENT_STATEMENTS,
    READ_ALL_STATS,
    STATEMENTS,
)

_OTHER = ("other", "")


async def collect(collector: Collector, scope: Scope) -> None:  # noqa: ARG001 - the contract
    """Publish what the watcher sampled; look only if it does not."""
    memory: Statements = scope.memory
    await memory.look(scope, glimpses=False)
    for datname, histogram in memory.histograms.items():
        scope.add(QUERY_DURATION, histogram.snapshot(), datname, "statements")
    for (datname, queryid, usename), counters in memory.top.series():
        _add(scope, counters, datname, str(queryid), usename)
    for datname, counters in memory.top.others():
        _add(scope, counters, datname, *_OTHER)
    if memory.evictions is not None:
        scope.add(STATEMENT_EVICTIONS, memory.evictions)


async def sample(scope: Scope) -> None:
    """Look between scrapes."""
    memory: Statements = scope.memory
    await memory.look(scope, glimpses=True)


def _add(scope: Scope, counters: Counters, *labels: str) -> None:
    scope.add(STATEMENT_CALLS, counters.calls, *labels)
    scope.add(STATEMENT_SECONDS, counters.seconds, *labels)
    scope.add(STATEMENT_ROWS, counters.rows, *labels)


QUERY_DURATIONS = Collector(
    name="query_duration",
    help="Latency of statements as a histogram, and those with most time. "
    "Source: pg_stat_statements.",
    scope="cluster",
    families=FAMILIES,
    queries=(sql.STATEMENTS, sql.SOURCE, sql.NAMES, sql.GLIMPSES, sql.OWN_STATEMENTS),
    cost="moderate",
    requires=(READ_ALL_STATS, STATEMENTS, CURRENT_STATEMENTS),
    collect=collect,
    sample=sample,
    memory=lambda settings: Statements(settings.statements),
)

__all__ = ["MONITORED_DURATIONS", "QUERY_DURATION", "QUERY_DURATIONS"]
