"""The SQL that reads waits for locks.

pg_locks is read once. pg_blocking_pids() locks all partitions of the lock manager for a moment, so
it is called only for the longest waits, at most `MAX_EXAMINED`.
"""

from __future__ import annotations

from pg_migration_exporter.collectors.shown_databases import JOIN_SHOWN_DATABASES
from pg_migration_exporter.postgres.query import Query

MAX_EXAMINED = 64

#: One row for each session that waits or blocks another. `lock` identifies the lock, with the same
#: text for all that wait for it; `waited` is null for an instant after a wait begins (PostgreSQL,
#: "pg_locks"). Pid 0 is a prepared transaction. Times are ages in seconds.
WAITS = Query(
    f"""
with waiting as materialized (
    select pid, mode, locktype, database, relation, waitstart,
           concat_ws(' ', locktype, database, relation, page, tuple, virtualxid, transactionid,
                     classid, objid, objsubid) as lock,
           row_number() over (order by waitstart nulls last) as place
      from pg_locks where not granted),
examined as materialized (
    select pid, pg_blocking_pids(pid) as blockers from waiting where place <= {MAX_EXAMINED}),
member as (
    select pid from waiting union select unnest(blockers) from examined)
select m.pid, a.datname::text as datname, coalesce(a.usename::text, '') as usename,
       case when m.pid = 0 then 'prepared transaction'
            else coalesce(nullif(a.application_name, ''), a.backend_type, '') end
       as application_name,
       coalesce(a.state, 'unknown') as state,
       extract(epoch from a.backend_start)::float8 as backend_start,
       greatest(extract(epoch from clock_timestamp() - a.xact_start), 0)::float8 as transaction,
       left(a.query, 1000) as statement,
       w.lock, w.locktype, w.mode, n.nspname::text as schemaname, c.relname::text as relname,
       greatest(extract(epoch from clock_timestamp() - w.waitstart), 0)::float8 as waited,
       e.blockers
  from member m
  left join pg_stat_activity a using (pid)
  left join waiting w using (pid)
  left join examined e using (pid)
  left join pg_class c on c.oid = w.relation and w.database in
       (0, (select oid from pg_database where datname = current_database()))
  left join pg_namespace n on n.oid = c.relnamespace
 order by w.place
"""
)

#: $1: the limit of databases.
DATABASES = Query(
    f"""
select d.datname::text as datname from pg_database d {JOIN_SHOWN_DATABASES}
 where d.datallowconn and not d.datistemplate
"""
)
