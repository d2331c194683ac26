"""Index builds in progress in the connected database.

Only builds that run now: a build that ended leaves no series behind, so an alert on the elapsed
time ends with the build. A plain CREATE INDEX has no index_relid until it commits; its name is then
read from the statement (PostgreSQL, "CREATE INDEX Progress Reporting").
"""

from __future__ import annotations

from pg_migration_exporter.collectors.base import Collector
from pg_migration_exporter.families import Family
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS
from pg_migration_exporter.postgres.query import Query

BUILD_DURATION = Family(
    "postgres_index_build_duration_seconds",
    "gauge",
    "Time since the statement of an index build in progress began.",
    ("datname", "schemaname", "relname", "indexrelname", "command"),
)

_NAME_IN_STATEMENT = (
    r"(?i)\mindex\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?"
    r"""("(?:[^"]|"")+"|[^\s"(]+)\s+on\M"""
)

#: Names come from the catalogs alone: no function here locks the table or the index.
_BUILDS = Query(
    f"""
with build as (
    select p.datname, p.relid, p.index_relid, p.command, a.query_start,
           substring(a.query from $re${_NAME_IN_STATEMENT}$re$) as spelled
      from pg_stat_progress_create_index p join pg_stat_activity a using (pid)
     where p.datname = current_database())
select b.datname::text as datname, n.nspname::text as schemaname, t.relname::text as relname,
       coalesce(i.relname::text,
                case when spelled like '"%' then replace(trim(both '"' from spelled), '""', '"')
                     else lower(spelled) end, '') as indexrelname,
       b.command,
       greatest(extract(epoch from clock_timestamp() - b.query_start), 0)::float8
       as postgres_index_build_duration_seconds
  from build b
  left join pg_class t on t.oid = b.relid
  left join pg_namespace n on n.oid = t.relnamespace
  left join pg_class i on i.oid = nullif(b.index_relid, 0)
"""
)

INDEX_BUILDS = Collector(
    name="index_builds",
    help="CREATE INDEX and REINDEX in progress. Source: pg_stat_progress_create_index.",
    families=(BUILD_DURATION,),
    queries=(_BUILDS,),
    requires=(READ_ALL_STATS,),
)
