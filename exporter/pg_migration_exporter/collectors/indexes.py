"""Use of the largest indexes, and the size of unused ones."""

from __future__ import annotations

from pg_migration_exporter.collectors.columns import age, families
from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.postgres.query import Query, array

_INDEX = ("datname", "schemaname", "relname", "indexrelname")
_INDEX_HELPS = {
    "size_bytes": "Size of an index, from the catalog's page count. schemaname, relname and "
    "indexrelname are `other` for the sum of the indexes that are not shown one by one.",
    "scans_total": "Scans of an index.",
    "rows_read_total": "Entries that scans of an index returned.",
    "rows_fetched_total": "Live rows that simple scans of an index fetched.",
    "last_scan_age_seconds": "Time since an index was last scanned, from PostgreSQL 16 on; absent "
    "if it never was.",
}
_UNUSED_HELPS = {
    "unused": "Indexes that were never scanned since statistics were reset; unique ones are left "
    "out, since they are there to refuse rows.",
    "unused_bytes": "Size of these indexes, from the catalog's page counts.",
}

#: Parameters: schemas (an array; an empty one means all but the system's), how many are shown.
_INDEXES = """
with watched as (
    select i.indexrelid, n.nspname, t.relname, c.relname as indexrelname,
           c.relpages * current_setting('block_size')::int8 as bytes,
           pg_stat_get_numscans(c.oid) as scans, i.indisunique  -- as in pg_stat_all_indexes
      from pg_index i
      join pg_class c on c.oid = i.indexrelid
      join pg_class t on t.oid = i.indrelid
      join pg_namespace n on n.oid = t.relnamespace
     where c.relkind = 'i' and t.relkind in ('r', 'm') and t.relpersistence <> 't'
       and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
       and ($1::text = '{{}}' or n.nspname = any($1::text::text[]))),
placed as (
    select *, row_number() over (order by bytes desc, indexrelid) as place from watched)
select current_database()::text as datname, nspname::text as schemaname, relname::text as relname,
       indexrelname::text as indexrelname, bytes as postgres_index_size_bytes,
       scans as postgres_index_scans_total,
       pg_stat_get_tuples_returned(indexrelid) as postgres_index_rows_read_total,
       pg_stat_get_tuples_fetched(indexrelid) as postgres_index_rows_fetched_total,
       {last_scan} as postgres_index_last_scan_age_seconds,
       null::int8 as postgres_indexes_unused, null::int8 as postgres_indexes_unused_bytes
  from placed where place <= $2::text::int8
union all
select current_database()::text, 'other', 'other', 'other',
       sum(bytes) filter (where place > $2::text::int8)::int8, null, null, null, null,
       count(*) filter (where scans = 0 and not indisunique),
       coalesce(sum(bytes) filter (where scans = 0 and not indisunique), 0)::int8
  from placed
"""
_LAST_SCAN = age("pg_stat_get_lastscan(indexrelid)")

INDEXES: Collector[None] = Collector(
    name="indexes",
    help="Use and size of the largest indexes (as many as `tables.top`), read once a minute.",
    sources=("pg_index", "pg_class", "pg_stat_all_indexes"),
    families=(
        *families("postgres_index", _INDEX, _INDEX_HELPS),
        *families("postgres_indexes", ("datname",), _UNUSED_HELPS),
    ),
    queries=(
        Query(
            {
                140000: _INDEXES.format(last_scan="null::float8"),
                160000: _INDEXES.format(last_scan=_LAST_SCAN),
            }
        ),
    ),
    cost="expensive",
    ttl=60.0,
    parameters=lambda settings: (array(settings.tables.schemas), str(settings.tables.top)),
)
