"""Files that fill the server's disks, and the age of its newest base backup."""

from __future__ import annotations

from pg_migration_exporter.collectors.columns import age
from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.capabilities import MONITOR
from pg_migration_exporter.postgres.query import Query

WAL_FILES = Family("postgres_wal_files", "gauge", "WAL segment files in pg_wal.")
WAL_SIZE = Family("postgres_wal_size_bytes", "gauge", "Size of the files in pg_wal.")
PENDING = Family(
    "postgres_archiver_pending_segments", "gauge", "WAL files that wait to be archived."
)
BASE_BACKUP_AGE = Family(
    "postgres_base_backup_age_seconds",
    "gauge",
    "Time since the end of the newest base backup whose history file is archived. Absent where "
    "there is none: without archiving, or where backups are taken from a standby.",
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

#: The history file of a base backup is written at its end, and archived as a WAL file is; the last
#: one stays (PostgreSQL, "Making a Base Backup Using the Low Level API").
_WAL = Query(
    f"""
with status as materialized (select name, modification from pg_ls_archive_statusdir())
select count(*) filter (where name ~ '^[0-9A-F]{{24}}$') as postgres_wal_files,
       coalesce(sum(size), 0)::int8 as postgres_wal_size_bytes,
       (select count(*) from status where name like '%.ready')
       as postgres_archiver_pending_segments,
       (select {age("max(modification)")}
          from status where name ~ '[.]backup[.]done$') as postgres_base_backup_age_seconds
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
    help="WAL, base backups and temporary files on disk, counted once a minute.",
    sources=("pg_ls_waldir()", "pg_ls_archive_statusdir()", "pg_ls_tmpdir()"),
    families=(WAL_FILES, WAL_SIZE, PENDING, BASE_BACKUP_AGE, TEMPORARY, TEMPORARY_BYTES),
    queries=(_WAL, _TEMPORARY),
    cost="moderate",
    level="server",
    requires=(MONITOR,),
    ttl=60.0,
)
