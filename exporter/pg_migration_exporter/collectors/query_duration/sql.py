"""What is asked of pg_stat_statements (PostgreSQL, "pg_stat_statements"), and of pg_stat_monitor
(the SQL files of its versions 2.0 to 2.3)."""

from __future__ import annotations

from typing import Any

import psycopg

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.postgres.query import Query

#: The columns are those of `reading.Row`.
_NUMBERS = """s.userid::int8, s.dbid::int8, s.queryid, s.toplevel, s.calls, s.rows,
       s.total_exec_time / 1000 as seconds,
       s.stddev_exec_time * s.stddev_exec_time * s.calls / 1e6 as squares,
       s.plans, s.total_plan_time / 1000 as plan_seconds,
       s.stddev_plan_time * s.stddev_plan_time * s.plans / 1e6 as plan_squares,
       s.min_exec_time / 1000 as fastest, (s.max_exec_time + s.max_plan_time) / 1000 as slowest"""

#: `false` leaves the text of statements in its file: only numbers are read.
STATEMENTS = Query(
    f"""
select {_NUMBERS}
  from {{schema}}.pg_stat_statements(false) s
 where s.queryid is not null
"""
)

#: Some statements again and again, as often as $1 says, after a pause of $2 seconds each: the
#: server keeps it better than a busy exporter could. What the function is given differs each time,
#: or Memoize would answer in its place. $3: queryids as an array.
GLIMPSES = Query(
    f"""
select p.glimpse, {_NUMBERS}
  from generate_series(1, $1::int) g (number)
 cross join lateral
       (select g.number + (pg_sleep($2::float8) is null)::int as glimpse offset 0) p
 cross join lateral {{schema}}.pg_stat_statements(p.glimpse < 0) s
 where s.queryid = any ($3::int8[])
 order by p.glimpse
"""
)

#: Which server this is, since its numbers say nothing about those of another one; who asks; and
#: how often entries were dropped or everything was reset.
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

#: Which statements of the exporter's own role are the exporter's. $1: its mark in their text.
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
select distinct on (s.queryid) s.queryid, s.query
  from {schema}.pg_stat_statements(true) s
 where s.queryid = any ($1::int8[])
"""
)

#: As `SOURCE`, of pg_stat_monitor; and the bounds of its buckets.
MONITOR = Query(
    """
select extract(epoch from pg_postmaster_start_time())::float8 as started,
       {schema}.get_histogram_timings() as timings
"""
)

#: The columns are those of `slices.Slice`. What never succeeded has no time, and one call that was
#: not made. Most entries have few calls, so that many have the same counts, unnested once.
#: $1: when the oldest slice of interest began.
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


async def ask_with_texts(
    context: RunContext[Any], query: Query, *parameters: str
) -> list[tuple[Any, ...]]:
    """Rows of a query that reads texts; none where they cannot be read.

    One statement of a database in SQL_ASCII whose bytes are no text here hides those of all.
    """
    try:
        return await ask(context, query, *parameters)
    except psycopg.errors.CharacterNotInRepertoire:
        return []


async def ask(context: RunContext[Any], query: Query, *parameters: str) -> list[tuple[Any, ...]]:
    """Rows of a query about pg_stat_statements, wherever it is installed."""
    schema = context.capabilities.statements_schema
    assert schema is not None
    return (await context.query(query, *parameters, schema=schema)).rows


async def ask_monitor(
    context: RunContext[Any], query: Query, *parameters: str
) -> list[tuple[Any, ...]]:
    """Rows of a query about pg_stat_monitor, wherever it is installed."""
    schema = context.capabilities.statement_monitor_schema
    assert schema is not None
    return (await context.query(query, *parameters, schema=schema)).rows
