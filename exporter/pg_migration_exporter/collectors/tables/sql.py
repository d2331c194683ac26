"""The SQL that reads sizes and counters of tables without waiting for a lock.

The size functions open each relation that they measure, and wait behind an ACCESS EXCLUSIVE lock,
even one that is not granted yet. So no table is measured while such a lock is held or awaited on
the table, its TOAST table or an index of either. If a lock comes between that check and the
measurement, lock_timeout ends the statement, and sizes are the catalog's page counts.
"""

from __future__ import annotations

from pg_migration_exporter.postgres.query import Query

#: What must not be measured: relations with an ACCESS EXCLUSIVE lock, and their tables.
LOCKED = """
with exclusive as materialized (
    select relation from pg_locks
     where locktype = 'relation' and mode = 'AccessExclusiveLock'
       and database = (select oid from pg_database where datname = current_database())),
locked as materialized (
    select relation as oid from exclusive
    union
    select i.indrelid from exclusive join pg_index i on i.indexrelid = exclusive.relation)
"""
#: True for a table `c` (pg_class) on which no such lock is held or awaited.
GUARD = "not exists (select from locked where locked.oid in (c.oid, c.reltoastrelid))"

_WATCHED = """
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'm') and c.relpersistence <> 't'
   and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
   and ($1::text = '{}' or n.nspname = any($1::text::text[]))
"""

#: The largest tables; reads every table. $1: schemas (an array; an empty one means all but the
#: system's), $2: how many. The last row, without an oid, is the sum of the others. Sizes are the
#: catalog's page counts, set by VACUUM, ANALYZE and some DDL; a table that had none of these yet,
#: such as the target of an import, counts 100 bytes a row.
LARGEST = Query(
    f"""
with watched as (
    select c.oid, n.nspname, c.relname,
           case when c.reltuples >= 0 then c.relpages * current_setting('block_size')::int8
                else pg_stat_get_live_tuples(c.oid) * 100 end as bytes
    {_WATCHED}),
placed as (
    select *, row_number() over (order by bytes desc, oid) as place from watched)
select oid::int8 as oid, nspname::text as schemaname, relname::text as relname, bytes, 1 as tables
  from placed where place <= $2::text::int8
union all
select null, 'other', 'other', sum(bytes)::int8, count(*)
  from placed where place > $2::text::int8 having count(*) > 0
"""
)

_TABLE_BYTES = """(c.relpages + coalesce((select t.relpages from pg_class t
         where t.oid = c.reltoastrelid), 0)) * current_setting('block_size')::int8"""
_INDEX_BYTES = """(select coalesce(sum(x.relpages), 0)::int8 * current_setting('block_size')::int8
          from pg_index i join pg_class x on x.oid = i.indexrelid where i.indrelid = c.oid)"""

#: Sizes in bytes and the estimated bloat of the tables $1. The bloat compares the pages with what
#: as many rows of the columns' average width need (28 bytes more for each: header and line
#: pointer). Where statistics cannot be read, it is the share of rows that are dead: no free space.
SIZES = Query(
    f"""
{LOCKED}
select c.oid::int8 as oid, guard.free as measured,
       case when guard.free then pg_table_size(c.oid) else {_TABLE_BYTES} end as table_size,
       case when guard.free then pg_indexes_size(c.oid) else {_INDEX_BYTES} end as indexes_size,
       case when c.relpages > 0 and c.reltuples >= 0 and width.bytes is not null then
            greatest(1 - ceil(c.reltuples * (28 + width.bytes)
                              / ((current_setting('block_size')::int8 - 24)
                                 * coalesce(fill.factor, 100) / 100.0))
                         / c.relpages, 0)::float8
            when c.relpages > 0 then dead.share end as bloat,
       case when c.relpages = 0 or c.reltuples < 0 and dead.share is null then null
            else (c.reltuples >= 0 and width.bytes is not null)::int4 end as bloat_widths
  from pg_class c
 cross join lateral (select {GUARD} as free) as guard
 cross join lateral (
       select pg_stat_get_dead_tuples(c.oid)::float8
              / nullif(pg_stat_get_dead_tuples(c.oid) + pg_stat_get_live_tuples(c.oid), 0)
              as share) as dead
 cross join lateral (
       select sum((1 - s.null_frac) * s.avg_width) as bytes
         from pg_stats s join pg_namespace n on n.nspname = s.schemaname
        where n.oid = c.relnamespace and s.tablename = c.relname) as width
  left join lateral (
       select option_value::float8 as factor from pg_options_to_table(c.reloptions)
        where option_name = 'fillfactor') as fill on true
 where c.oid = any($1::text::oid[])
"""
)
#: The same from the catalog's page counts alone.
SIZES_ESTIMATED = Query(
    f"""
select c.oid::int8 as oid, false as measured, {_TABLE_BYTES} as table_size,
       {_INDEX_BYTES} as indexes_size, null::float8 as bloat,
       null::int4 as bloat_widths
  from pg_class c where c.oid = any($1::text::oid[])
"""
)

#: What the statistics count for the tables $1. The counters of blocks are those of the table's
#: heap, and of all its indexes.
STATISTICS = Query(
    """
select s.relid::int8 as oid, s.n_live_tup, s.n_dead_tup,
       s.n_tup_ins, s.n_tup_upd, s.n_tup_del, s.seq_scan, coalesce(s.idx_scan, 0) as idx_scan,
       coalesce(io.heap_blks_hit, 0) as heap_blks_hit,
       coalesce(io.heap_blks_read, 0) as heap_blks_read,
       coalesce(io.idx_blks_hit, 0) as idx_blks_hit,
       coalesce(io.idx_blks_read, 0) as idx_blks_read,
       case when vacuumed is not null
            then greatest(extract(epoch from clock_timestamp() - vacuumed), 0)
             end::float8 as vacuum_age,
       case when analyzed is not null
            then greatest(extract(epoch from clock_timestamp() - analyzed), 0)
             end::float8 as analyze_age,
       age(c.relfrozenxid) as frozen_age,
       (select coalesce(sum(p.tuples_processed), 0)::int8 from pg_stat_progress_copy p
         where p.relid = s.relid and p.command = 'COPY FROM') as importing
  from pg_stat_all_tables s
  join pg_statio_all_tables io using (relid)
  join pg_class c on c.oid = s.relid
 cross join lateral (
       select greatest(s.last_vacuum, s.last_autovacuum) as vacuumed,
              greatest(s.last_analyze, s.last_autoanalyze) as analyzed) as last
 where s.relid = any($1::text::oid[])
"""
)
