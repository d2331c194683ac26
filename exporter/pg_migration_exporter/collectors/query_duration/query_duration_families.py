"""Families about the latency of statements, and about the statements with the most time."""

from __future__ import annotations

from pg_migration_exporter.metrics.families import Family

QUERY_DURATION = Family(
    "postgres_query_duration_seconds",
    "histogram",
    "Execution time of statements. source=statements: sum and count are exact, the spread over "
    "buckets is estimated from each statement's mean and deviation; source=monitor: every call was "
    "counted into its bucket, whose bounds are the extension's (docs/query-latency.md).",
    ("datname", "source"),
)

_STATEMENT = ("datname", "queryid", "usename")
_SUBJECT = "of the statements with most time; all others of a database are queryid=other."
STATEMENT_CALLS = Family(
    "postgres_statement_calls_total", "counter", f"Calls {_SUBJECT}", _STATEMENT
)
STATEMENT_SECONDS = Family(
    "postgres_statement_seconds_total",
    "counter",
    f"Execution time, and planning time where tracked, {_SUBJECT}",
    _STATEMENT,
)
STATEMENT_ROWS = Family(
    "postgres_statement_rows_total",
    "counter",
    f"Rows retrieved or affected {_SUBJECT}",
    _STATEMENT,
)
STATEMENT_EVICTIONS = Family(
    "postgres_statement_evictions_total",
    "counter",
    "Times that pg_stat_statements dropped its least used entries since its last reset. Calls of "
    "an entry that were not read before that are missing in what is published of statements.",
)

FAMILIES = (
    QUERY_DURATION,
    STATEMENT_CALLS,
    STATEMENT_SECONDS,
    STATEMENT_ROWS,
    STATEMENT_EVICTIONS,
)
