"""Calls of functions, which track_functions counts. Off by default: few servers need it."""

from __future__ import annotations

from pg_migration_exporter.collectors.columns import families
from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.postgres.query import Query

_HELPS = {
    "calls_total": "Calls of a function.",
    "seconds_total": "Time spent in a function and in what it called.",
    "self_seconds_total": "Time spent in a function itself.",
}

#: At most 50, those that took longest; functions of the same name are summed up.
_FUNCTIONS = Query(
    """
select current_database()::text as datname, schemaname::text as schemaname,
       funcname::text as funcname, sum(calls)::int8 as postgres_function_calls_total,
       sum(total_time) / 1000 as postgres_function_seconds_total,
       sum(self_time) / 1000 as postgres_function_self_seconds_total
  from pg_stat_user_functions
 group by 1, 2, 3
 order by sum(self_time) desc limit 50
"""
)

FUNCTIONS: Collector[None] = Collector(
    name="functions",
    help="Calls of functions, the 50 that took longest.",
    sources=("pg_stat_user_functions",),
    families=families("postgres_function", ("datname", "schemaname", "funcname"), _HELPS),
    queries=(_FUNCTIONS,),
    cost="moderate",
    default_on=False,
)
