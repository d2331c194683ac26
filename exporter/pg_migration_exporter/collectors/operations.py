"""Long operations that report their progress, other than index builds.

VACUUM, ANALYZE, CLUSTER, VACUUM FULL, REPACK, COPY, base backups (PostgreSQL, "Progress
Reporting").

Two of the same kind on one table (two COPY) are one series: the longer time, the lower ratio, the
sum of their rows.
"""

from __future__ import annotations

from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS
from pg_migration_exporter.postgres.query import Query

_OPERATION = ("datname", "schemaname", "relname", "operation")

DURATION = Family(
    "postgres_operation_duration_seconds",
    "gauge",
    "Time since a long operation in progress began.",
    (*_OPERATION, "phase"),
)
PROGRESS = Family(
    "postgres_operation_progress_ratio",
    "gauge",
    "Progress of a long operation within its phase, 0 to 1; absent where the total is not known.",
    (*_OPERATION, "phase"),
)
ROWS = Family(
    "postgres_copy_rows",
    "gauge",
    "Rows that a COPY in progress has read or written so far.",
    _OPERATION,
)

#: Names are known for the connected database alone; a base backup belongs to none.
_SQL = """
with operation as (
    select pid, relid, 'VACUUM' as operation, phase, heap_blks_scanned as done,
           heap_blks_total as total, null::int8 as tuples
      from pg_stat_progress_vacuum where datname = current_database()
    union all
    select pid, relid, 'ANALYZE', phase, sample_blks_scanned, sample_blks_total, null
      from pg_stat_progress_analyze where datname = current_database()
    union all
    select pid, relid, command, phase, heap_blks_scanned,
           case when phase = 'seq scanning heap' then heap_blks_total end, null
      from {rewrites} where datname = current_database()
    union all
    select pid, relid, command, 'copying', bytes_processed, bytes_total, tuples_processed
      from pg_stat_progress_copy where datname = current_database()
    union all
    select pid, null, 'BASE BACKUP', phase, backup_streamed, backup_total, null
      from pg_stat_progress_basebackup)
select case when o.operation = 'BASE BACKUP' then '' else current_database()::text end as datname,
       coalesce(n.nspname::text, '') as schemaname, coalesce(c.relname::text, '') as relname,
       o.operation, o.phase,
       max(greatest(extract(epoch from clock_timestamp() - a.query_start), 0))::float8
       as postgres_operation_duration_seconds,
       min(case when o.total > 0 then least(o.done::float8 / o.total, 1) end)
       as postgres_operation_progress_ratio,
       sum(o.tuples)::int8 as postgres_copy_rows
  from operation o
  join pg_stat_activity a using (pid)
  left join pg_class c on c.oid = o.relid
  left join pg_namespace n on n.oid = c.relnamespace
 group by 1, 2, 3, 4, 5
"""

_OPERATIONS = Query(
    {
        140000: _SQL.format(rewrites="pg_stat_progress_cluster"),
        190000: _SQL.format(rewrites="pg_stat_progress_repack"),
    }
)

OPERATIONS: Collector[None] = Collector(
    name="operations",
    help="VACUUM, ANALYZE, CLUSTER, REPACK, COPY and base backups in progress.",
    sources=("pg_stat_progress_*",),
    families=(DURATION, PROGRESS, ROWS),
    queries=(_OPERATIONS,),
    requires=(READ_ALL_STATS,),
)
