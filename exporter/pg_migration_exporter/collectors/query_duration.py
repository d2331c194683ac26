"""Query latency as a histogram, estimated from pg_stat_statements without any other extension.

Counts start at the exporter's first look. The statements of the exporter's own role are left out,
unless that role is a superuser (which other applications may share).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pg_migration_exporter.collectors.base import Collector, Scope
from pg_migration_exporter.families import Family
from pg_migration_exporter.latency.histogram import GrowingHistogram, Totals
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS, STATEMENTS
from pg_migration_exporter.postgres.query import Query

QUERY_DURATION = Family(
    "postgres_query_duration_seconds",
    "histogram",
    "Execution time of statements. source=statements: sum and count are exact, the spread over "
    "buckets is estimated from each statement's mean and deviation.",
    ("datname", "source"),
)

#: `false` leaves the text of statements in its file: only numbers are read.
_STATEMENTS = Query(
    """
select d.datname::text as datname, s.userid::int8, s.dbid::int8, s.queryid, s.toplevel, s.calls,
       s.total_exec_time / 1000 as seconds,
       s.stddev_exec_time * s.stddev_exec_time * s.calls / 1e6 as squares,
       s.min_exec_time / 1000 as fastest, s.max_exec_time / 1000 as slowest
  from {schema}.pg_stat_statements(false) s join pg_database d on d.oid = s.dbid
 where s.queryid is not null
   and s.userid is distinct from
       (select oid from pg_roles where rolname = current_user and not rolsuper)
"""
)


@dataclass(slots=True)
class Memory:
    """The statistics of the last look by statement, and the histograms by database."""

    seen: dict[tuple[Any, ...], Totals] | None = None
    histograms: dict[str, GrowingHistogram] = field(default_factory=dict)

    def look(self, statements: dict[tuple[Any, ...], tuple[str, Totals]]) -> None:
        """Count what happened since the last look; the first one only sets the mark."""
        nothing = Totals(0, 0.0, 0.0, 0.0, 0.0)
        for key, (datname, totals) in statements.items():
            histogram = self.histograms.setdefault(datname, GrowingHistogram())
            if self.seen is not None:
                histogram.add(totals.since(self.seen.get(key, nothing)))
        self.seen = {key: totals for key, (_, totals) in statements.items()}


async def collect(collector: Collector, scope: Scope) -> None:
    """Read all statements, count the interval, publish the histograms."""
    assert scope.capabilities.statements_schema is not None
    rows = await scope.query(collector.queries[0], schema=scope.capabilities.statements_schema)
    scope.memory.look(
        {tuple(row[1:5]): (row[0], Totals(*row[5:])) for row in rows.rows},
    )
    for datname, histogram in scope.memory.histograms.items():
        scope.add(QUERY_DURATION, histogram.snapshot(), datname, "statements")


QUERY_DURATIONS = Collector(
    name="query_duration",
    help="Latency of statements as a histogram. Source: pg_stat_statements.",
    scope="cluster",
    families=(QUERY_DURATION,),
    queries=(_STATEMENTS,),
    cost="moderate",
    requires=(READ_ALL_STATS, STATEMENTS),
    collect=collect,
    memory=lambda _: Memory(),
)
