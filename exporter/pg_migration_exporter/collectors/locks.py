"""Who waits for a lock, who is waited for, and since when.

pg_locks is read once. pg_blocking_pids() holds all of the lock manager's partitions for a moment,
so it runs for waiting sessions only, and not at all when there are more of them than
`_MOST_EXAMINED`: the count of blockers is then absent, because a part of it would be wrong.
"""

from __future__ import annotations

from pg_migration_exporter.collectors.base import Collector
from pg_migration_exporter.families import Family
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS
from pg_migration_exporter.postgres.query import Query

BLOCKED = Family(
    "postgres_blocked_sessions", "gauge", "Sessions that wait for a lock.", ("datname",)
)
BLOCKING = Family(
    "postgres_blocking_sessions",
    "gauge",
    "Sessions that at least one session waits for. Absent while very many sessions wait.",
    ("datname",),
)
LONGEST_WAIT = Family(
    "postgres_lock_wait_longest_seconds",
    "gauge",
    "Time that the longest wait for a lock has lasted, 0 if no session waits.",
    ("datname",),
)

_MOST_EXAMINED = 64

#: `waitstart` is null for an instant after a wait begins (PostgreSQL, "pg_locks").
_WAITS = Query(
    f"""
with waiting as materialized (
    select pid, min(waitstart) as since from pg_locks where not granted group by pid),
blocking as materialized (
    select w.pid, b.blocker
      from waiting w cross join lateral unnest(pg_blocking_pids(w.pid)) as b (blocker)
     where (select count(*) from waiting) <= {_MOST_EXAMINED}),
session as (
    select a.datid, w.pid, w.since from waiting w join pg_stat_activity a using (pid))
select d.datname::text as datname,
       count(s.pid) as postgres_blocked_sessions,
       case when (select count(*) from waiting) <= {_MOST_EXAMINED} then
            (select count(distinct b.blocker)
               from blocking b join session on session.pid = b.pid
              where session.datid = d.oid) end as postgres_blocking_sessions,
       coalesce(extract(epoch from clock_timestamp() - min(s.since)), 0)::float8
       as postgres_lock_wait_longest_seconds
  from pg_database d left join session s on s.datid = d.oid
 where d.datallowconn and not d.datistemplate
 group by d.oid, d.datname
"""
)

LOCKS = Collector(
    name="locks",
    help="Sessions that wait for locks. Source: pg_locks, pg_stat_activity, pg_blocking_pids().",
    families=(BLOCKED, BLOCKING, LONGEST_WAIT),
    queries=(_WAITS,),
    requires=(READ_ALL_STATS,),
)
