"""Transactions that delay a migration: open for long, idle, or keeping old row versions.

DDL waits for every transaction that has used its table, CREATE INDEX CONCURRENTLY for every older
snapshot. No row version that died after the oldest snapshot can be removed (the xmin horizon); the
holder is a session, a prepared transaction, a replication slot or a standby with feedback.
"""

from __future__ import annotations

from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.collectors.shown_databases import JOIN_SHOWN_DATABASES, database_limit
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS
from pg_migration_exporter.postgres.query import Query

_DATABASE = ("datname",)

OLDEST = Family(
    "postgres_transaction_oldest_seconds",
    "gauge",
    "Age of the oldest transaction of a client, 0 if there is none.",
    _DATABASE,
)
SNAPSHOT = Family(
    "postgres_snapshot_oldest_seconds",
    "gauge",
    "Age of the oldest transaction that holds a snapshot or an id now, 0 if there is none: CREATE "
    "INDEX CONCURRENTLY waits for it.",
    _DATABASE,
)
IDLE = Family(
    "postgres_idle_in_transaction_seconds",
    "gauge",
    "Longest time that a session has been idle in its transaction, 0 if none is.",
    _DATABASE,
)
ACTIVE = Family(
    "postgres_active_query_oldest_seconds",
    "gauge",
    "Longest time that a statement of a client has been running, 0 if none is.",
    _DATABASE,
)
PREPARED_COUNT = Family(
    "postgres_prepared_transactions", "gauge", "Prepared transactions not yet ended.", _DATABASE
)
PREPARED = Family(
    "postgres_prepared_transaction_oldest_seconds",
    "gauge",
    "Age of the oldest prepared transaction, 0 if there is none.",
    _DATABASE,
)
HORIZON = Family(
    "postgres_xmin_horizon_age",
    "gauge",
    "Transactions begun since the oldest row version that VACUUM must keep, 0 if nothing holds it.",
    _DATABASE,
)
HOLDER = Family(
    "postgres_xmin_holder_age",
    "gauge",
    "The same for each kind of holder: backend, prepared_transaction, replication_slot, "
    "standby_feedback. Those without a database hold back every database.",
    ("datname", "holder"),
)

_TRANSACTIONS = Query(
    f"""
select d.datname::text as datname,
       greatest(extract(epoch from clock_timestamp() - min(a.xact_start)), 0)::float8
       as postgres_transaction_oldest_seconds,
       greatest(extract(epoch from clock_timestamp() - min(a.xact_start)
           filter (where a.backend_xmin is not null or a.backend_xid is not null)), 0)::float8
       as postgres_snapshot_oldest_seconds,
       greatest(extract(epoch from clock_timestamp() - min(a.state_change)
           filter (where a.state like 'idle in transaction%')), 0)::float8
       as postgres_idle_in_transaction_seconds,
       greatest(extract(epoch from clock_timestamp() - min(a.query_start)
           filter (where a.state = 'active')), 0)::float8
       as postgres_active_query_oldest_seconds,
       max(p.number) as postgres_prepared_transactions,
       max(p.age) as postgres_prepared_transaction_oldest_seconds
  from pg_database d {JOIN_SHOWN_DATABASES}
 cross join lateral (
       select count(*) as number,
              greatest(extract(epoch from clock_timestamp() - min(prepared)), 0)::float8 as age
         from pg_prepared_xacts where database = d.datname) as p
  left join pg_stat_activity a
    on a.datid = d.oid and a.backend_type = 'client backend'
   and a.application_name <> current_setting('application_name')  -- the exporter's own
 where d.datallowconn and not d.datistemplate
 group by d.oid, d.datname
"""
)

#: VACUUM and ANALYZE have a snapshot, but do not hold back the horizon for longer than they run. A
#: WAL sender without a slot holds the snapshots of its standby's queries.
_HOLDERS = """
with holder as (
    select datname::text as datname, 'backend' as holder,
           greatest(age(backend_xmin), age(backend_xid)) as age
      from pg_stat_activity
     where application_name <> current_setting('application_name') and backend_type <> 'walsender'
       and pid not in (select pid from pg_stat_progress_vacuum)
    union all
    select database::text, 'prepared_transaction', age(transaction) from pg_prepared_xacts
    union all
    select coalesce(database::text, ''), 'replication_slot', greatest(age(xmin), age(catalog_xmin))
      from pg_replication_slots
    union all
    select '', 'standby_feedback', age(backend_xmin) from pg_stat_replication)
"""

_BY_HOLDER = Query(
    _HOLDERS
    + """
select coalesce(datname, '') as datname, holder, max(age) as postgres_xmin_holder_age
  from holder where age is not null group by 1, 2 order by 3 desc limit 5 * $1::text::int8
"""
)

_BY_DATABASE = Query(
    _HOLDERS
    + f"""
select d.datname::text as datname, coalesce(max(h.age), 0) as postgres_xmin_horizon_age
  from pg_database d {JOIN_SHOWN_DATABASES}
  left join holder h on coalesce(h.datname, '') in (d.datname, '')
 where d.datallowconn and not d.datistemplate
 group by d.datname
"""
)

TRANSACTIONS: Collector[None] = Collector(
    name="transactions",
    help="Old transactions and what holds back the xmin horizon.",
    sources=(
        "pg_stat_activity",
        "pg_prepared_xacts",
        "pg_replication_slots",
        "pg_stat_replication",
    ),
    level="server",
    families=(OLDEST, SNAPSHOT, IDLE, ACTIVE, PREPARED_COUNT, PREPARED, HORIZON, HOLDER),
    queries=(_TRANSACTIONS, _BY_HOLDER, _BY_DATABASE),
    requires=(READ_ALL_STATS,),
    parameters=database_limit,
)
