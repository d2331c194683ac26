"""The SQL that reads index builds, from catalogs and statistics: it locks no relation.

pg_relation_filenode() reads only the catalog caches. All times are seconds since the epoch by the
server's clock.
"""

from __future__ import annotations

from pg_migration_exporter.postgres.query import Query

#: Statements of this database that build an index or rewrite a table, also those that do not report
#: their progress: one that waits for its table has not begun to, and an ALTER TABLE that rewrites
#: never does; the new table and indexes that it fills are locked and in no catalog yet. One row
#: with a null pid when there is none.
IN_PROGRESS = Query(
    """
with reported as materialized (
    select * from pg_stat_progress_create_index where datname = current_database()),
session as materialized (
    select * from pg_stat_activity a
     where a.datname = current_database() and a.leader_pid is null and a.pid <> pg_backend_pid()
       and (a.pid in (select pid from reported)
            or a.state = 'active' and a.query ~* '\\m(index|reindex|alter)\\M')),
unreported as (
    select s.pid, held.relation as relid,
           case when held.granted then 'rewriting the table'
                else 'waiting for the table lock' end as phase
      from session s cross join lateral (
           select l.relation, l.granted
             from pg_locks l join pg_class c on c.oid = l.relation and c.relkind in ('r', 'p', 'm')
            where l.pid = s.pid and l.locktype = 'relation'
              and (not l.granted
                   or l.mode = 'AccessExclusiveLock'
                      and s.query_start < clock_timestamp() - interval '1 s'
                      and s.query ~* '\\malter\\s+table\\M'
                      and strpos(lower(s.query), lower(c.relname)) > 0
                      and exists (select from pg_locks new
                                   where new.pid = s.pid and new.locktype = 'relation'
                                     and new.granted and new.mode = 'AccessExclusiveLock'
                                     and not exists (select from pg_class born
                                                      where born.oid = new.relation)))
            order by l.granted limit 1) as held
     where s.pid not in (select pid from reported)),
build as (
    select pid, relid, index_relid, command, phase, current_locker_pid as locker,
           array[blocks_done, blocks_total, tuples_done, tuples_total, lockers_done, lockers_total,
                 partitions_done, partitions_total]::int8[] as counters
      from reported
    union all
    select pid, relid, 0, null, phase, 0, array[0, 0, 0, 0, 0, 0, 0, 0]::int8[] from unreported)
select b.pid, extract(epoch from s.backend_start)::float8 as backend_start,
       extract(epoch from s.query_start)::float8 as query_start,
       extract(epoch from clock_timestamp())::float8 as now,
       b.relid::int8 as relid, b.index_relid::int8 as index_relid,
       n.nspname::text as schemaname, t.relname::text as relname, i.relname::text as indexrelname,
       b.command, left(s.query, 4096) as statement, b.phase, b.counters,
       greatest(extract(epoch from clock_timestamp() - wait.since), 0)::float8 as blocked,
       array(select indexrelid::int8 from pg_index where indrelid = b.relid) as indexes,
       array(select pg_relation_filenode(indexrelid)::int8
               from pg_index where indrelid = b.relid) as filenodes,
       pg_relation_filenode(b.relid)::int8 as table_filenode,
       case when b.locker <> 0 then b.locker else wait.locker end as locker,
       locker.application_name as locker_application,
       coalesce(locker.state, 'unknown') as locker_state,
       greatest(extract(epoch from clock_timestamp() - locker.xact_start), 0)::float8
       as locker_transaction
  from (select 1) as always
  left join (build b join session s using (pid)) on true
  left join pg_class t on t.oid = b.relid
  left join pg_namespace n on n.oid = t.relnamespace
  left join pg_class i on i.oid = nullif(b.index_relid, 0)
  left join lateral (
       select min(l.waitstart) as since, (pg_blocking_pids(b.pid))[1] as locker
         from pg_locks l
        where s.wait_event_type = 'Lock' and l.pid = b.pid and not l.granted
       having count(*) > 0) as wait on true
  left join pg_stat_activity locker
    on locker.pid = case when b.locker <> 0 then b.locker else wait.locker end
"""
)

#: Whether a statement still runs, or its transaction has not ended: until then its outcome is open;
#: and when the statement ended, while the session runs no other. $1 pid, $2 backend_start,
#: $3 query_start, $4 the time of its latest snapshot.
IS_OPEN = Query(
    """
select coalesce(bool_or(a.state = 'active' and a.query_start = to_timestamp($3::float8)
                        or a.xact_start <= to_timestamp($4::float8)
                           and a.state <> 'idle in transaction (aborted)'), false) as open,
       extract(epoch from min(a.state_change)
                  filter (where a.state <> 'active' and a.query_start = to_timestamp($3::float8))
       )::float8 as ended
  from pg_stat_activity a
 where a.pid = $1::text::int4 and a.backend_start = to_timestamp($2::float8)
"""
)

#: No statement works on index `i` now: a build's own is invalid meanwhile, and so are those that a
#: REINDEX CONCURRENTLY keeps locked until its end.
_LEFT_ALONE = """not exists (
        select from pg_stat_progress_create_index p
         where p.index_relid = i.indexrelid
            or p.pid in (select l.pid from pg_locks l where l.relation = i.indexrelid))"""

#: The indexes of table $1 now, and the table's own file in each row; without those that the next
#: statement builds already.
AFTERWARDS = Query(
    f"""
select i.indexrelid::int8 as indexrelid, c.relname::text as indexrelname,
       i.indisvalid and i.indisready as valid,
       pg_relation_filenode(i.indexrelid)::int8 as filenode,
       pg_relation_filenode(t.oid)::int8 as table_filenode
  from pg_class t
  left join (pg_index i join pg_class c on c.oid = i.indexrelid)
    on i.indrelid = t.oid and (i.indisvalid or {_LEFT_ALONE})
 where t.oid = $1::text::oid
"""
)

_INVALID = """
select i.indexrelid::int8 as indexrelid, n.nspname::text as schemaname, t.relname::text as relname,
       c.relname::text as indexrelname, extract(epoch from clock_timestamp())::float8 as now
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_class t on t.oid = i.indrelid
  join pg_namespace n on n.oid = c.relnamespace
 where not i.indisvalid and c.relkind = 'i' and not pg_is_in_recovery() {restriction}
   and {left_alone}
"""

#: Invalid indexes that no statement works on now: reads every index. A standby does not show what
#: the primary builds.
INVALID_ANYWHERE = Query(_INVALID.format(restriction="", left_alone=_LEFT_ALONE))
#: The same among the indexes $1, an array of oids.
INVALID_AMONG = Query(
    _INVALID.format(restriction="and i.indexrelid = any($1::text::oid[])", left_alone=_LEFT_ALONE)
)
