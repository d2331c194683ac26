"""Queries of pg_stat_statements (PostgreSQL, "pg_stat_statements") and of pg_stat_monitor (the SQL
files of its versions 2.0 to 2.3)."""

from __future__ import annotations

from typing import Any

import psycopg

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.postgres.query import Query

#: The columns are those of `statement_reader.Entry`.
_NUMBERS = """s.userid::int8, s.dbid::int8, s.queryid, s.toplevel, s.calls, s.rows,
       s.total_exec_time / 1000 as seconds,
       s.stddev_exec_time * s.stddev_exec_time * s.calls / 1e6 as squares,
       s.plans, s.total_plan_time / 1000 as plan_seconds,
       s.stddev_plan_time * s.stddev_plan_time * s.plans / 1e6 as plan_squares,
       s.min_exec_time / 1000 as fastest, (s.max_exec_time + s.max_plan_time) / 1000 as slowest"""

#: `false`: the file with the texts of statements is not read.
STATEMENTS = Query(
    f"""
select {_NUMBERS}
  from {{schema}}.pg_stat_statements(false) s
 where s.queryid is not null
"""
)

#: Some statements $1 times, each after a pause of $2 seconds, which the server keeps more exactly
#: than a busy exporter. The function gets another argument each time, because Memoize would cache
#: its result otherwise. $3: queryids as an array.
BURST = Query(
    f"""
select p.sample, {_NUMBERS}
  from generate_series(1, $1::int) g (number)
 cross join lateral
       (select g.number + (pg_sleep($2::float8) is null)::int as sample offset 0) p
 cross join lateral {{schema}}.pg_stat_statements(p.sample < 0) s
 where s.queryid = any ($3::int8[])
 order by p.sample
"""
)

#: Start of the server and last reset of the statistics, which identify a series of numbers, the
#: number of evictions, and the OID of the exporter's role.
SOURCE = Query(
    """
select extract(epoch from pg_postmaster_start_time())::float8 as started,
       extract(epoch from i.stats_reset)::float8 as reset, i.dealloc as evictions,
       (select oid::int8 from pg_roles where rolname = current_user) as own
  from {schema}.pg_stat_statements_info i
"""
)

NAMES = Query(
    """
select 'database' as kind, oid::int8, datname::text as name from pg_database
union all
select 'role', oid::int8, rolname::text from pg_roles
"""
)

#: Whether a statement of the exporter's role is its own. $1: the mark in its text.
OWN_STATEMENTS = Query(
    """
select s.userid::int8, s.dbid::int8, s.queryid, s.toplevel, position($1 in s.query) > 0 as is_own
  from {schema}.pg_stat_statements(true) s
 where s.queryid is not null
   and s.userid = (select oid from pg_roles where rolname = current_user)
"""
)

#: $1: queryids as an array.
TEXTS = Query(
    """
select distinct on (s.queryid) s.queryid, left(s.query, 8000)
  from {schema}.pg_stat_statements(true) s
 where s.queryid = any ($1::int8[])
"""
)

#: As `SOURCE` for pg_stat_monitor, with the bounds of its buckets.
MONITOR = Query(
    """
select extract(epoch from pg_postmaster_start_time())::float8 as started,
       {schema}.get_histogram_timings() as timings
"""
)

#: The columns are those of `monitor_slices.Slice`. A statement that never succeeded has no time and
#: one call that did not happen. Most entries have few calls, so that many have equal counts, which
#: are unnested once. $1: start of the oldest slice of interest.
SLICES = Query(
    """
with a as materialized (
  select m.bucket_start_time as began, m.dbid, m.resp_calls, count(*) as entries,
         sum(m.total_exec_time) as ms
    from {schema}.pg_stat_monitor m
   where m.toplevel and m.total_exec_time > 0
     and (m.application_name is distinct from current_setting('application_name')
          or m.userid <> (select oid from pg_roles where rolname = current_user))
   group by m.bucket_start_time, m.dbid, m.resp_calls)
select extract(epoch from b.began)::float8 as started, b.dbid::int8 as dbid,
       array_agg(b.calls order by b.bucket) as counts, max(b.ms) / 1000 as seconds,
       (select sum(entries) from a)::int8 as entries
  from (select a.began, a.dbid, c.bucket, sum(c.calls::int8 * a.entries)::int8 as calls,
               sum(a.ms) as ms
          from a cross join lateral unnest(a.resp_calls) with ordinality c (calls, bucket)
         where a.began >= to_timestamp($1::float8)
         group by a.began, a.dbid, c.bucket) b
 group by b.began, b.dbid
"""
)


async def query_texts(
    context: RunContext[Any], query: Query, *parameters: str
) -> list[tuple[Any, ...]]:
    """Return the rows of a query that reads texts, none if they cannot be read.

    One text with invalid bytes, from a database in SQL_ASCII, makes all unreadable.
    """
    try:
        return await query_statements(context, query, *parameters)
    except psycopg.errors.CharacterNotInRepertoire:
        return []


async def query_statements(
    context: RunContext[Any], query: Query, *parameters: str
) -> list[tuple[Any, ...]]:
    """Return the rows of a query of pg_stat_statements, in the schema of the extension."""
    schema = context.capabilities.statements_schema
    assert schema is not None
    return (await context.query(query, *parameters, schema=schema)).rows


async def query_monitor(
    context: RunContext[Any], query: Query, *parameters: str
) -> list[tuple[Any, ...]]:
    """Return the rows of a query of pg_stat_monitor, in the schema of the extension."""
    schema = context.capabilities.statement_monitor_schema
    assert schema is not None
    return (await context.query(query, *parameters, schema=schema)).rows
