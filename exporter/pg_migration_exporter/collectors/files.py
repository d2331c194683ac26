"""Files that fill the server's disks: WAL, WAL waiting to be archived, temporary files."""

from __future__ import annotations

from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.capabilities import MONITOR
from pg_migration_exporter.postgres.query import Query

WAL_FILES = Family("postgres_wal_files", "gauge", "WAL segment files in pg_wal.")
WAL_SIZE = Family("postgres_wal_size_bytes", "gauge", "Size of the files in pg_wal.")
PENDING = Family(
    "postgres_archiver_pending_segments", "gauge", "WAL files that wait to be archived."
)
_TABLESPACE = ("tablespace",)
TEMPORARY = Family(
    "postgres_temporary_files",
    "gauge",
    "Temporary files on disk now, without those that parallel workers share.",
    _TABLESPACE,
)
TEMPORARY_BYTES = Family(
    "postgres_temporary_file_bytes", "gauge", "Size of these temporary files.", _TABLESPACE
)

_WAL = Query(
    """
select count(*) filter (where name ~ '^[0-9A-F]{24}$') as postgres_wal_files,
       coalesce(sum(size), 0)::int8 as postgres_wal_size_bytes,
       (select count(*) from pg_ls_archive_statusdir() where name like '%.ready')
       as postgres_archiver_pending_segments
  from pg_ls_waldir()
"""
)
_TEMPORARY = Query(
    """
select t.spcname::text as tablespace, count(f.name) as postgres_temporary_files,
       coalesce(sum(f.size), 0)::int8 as postgres_temporary_file_bytes
  from pg_tablespace t left join lateral pg_ls_tmpdir(t.oid) f on true
 where t.spcname <> 'pg_global'
 group by 1
"""
)

FILES: Collector[None] = Collector(
    name="files",
    help="WAL and temporary files on disk, counted once a minute.",
    sources=("pg_ls_waldir()", "pg_ls_archive_statusdir()", "pg_ls_tmpdir()"),
    families=(WAL_FILES, WAL_SIZE, PENDING, TEMPORARY, TEMPORARY_BYTES),
    queries=(_WAL, _TEMPORARY),
    cost="moderate",
    level="server",
    requires=(MONITOR,),
    ttl=60.0,
)
