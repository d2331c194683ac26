"""The shared lock table: when it is full, statements fail with "out of shared memory".

It has room for max_locks_per_transaction locks for each session that there may be (PostgreSQL,
"Lock Management"; lock.c, NLOCKENTS). A lock that several sessions hold is one entry, and one taken
by the fast path is none.
"""

from __future__ import annotations

from pg_migration_exporter.collectors.columns import families
from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.postgres.query import Query

_HELPS = {
    "entries": "Locks in the shared lock table.",
    "limit": "Locks that the shared lock table has room for at least.",
}

#: Autovacuum's workers have slots of their own from PostgreSQL 18 on.
_LOCK_TABLE = Query(
    """
select count(distinct (locktype, database, relation, page, tuple, virtualxid,
                       transactionid::text, classid, objid, objsubid)) filter (where not fastpath)
       as postgres_lock_table_entries,
       current_setting('max_locks_per_transaction')::int8 * (
           current_setting('max_connections')::int8
           + current_setting('max_prepared_transactions')::int8
           + coalesce(current_setting('autovacuum_worker_slots', true),
                      current_setting('autovacuum_max_workers'))::int8 + 1
           + current_setting('max_worker_processes')::int8
           + current_setting('max_wal_senders')::int8) as postgres_lock_table_limit
  from pg_locks where mode <> 'SIReadLock'
"""
)

LOCK_TABLE: Collector[None] = Collector(
    name="lock_table",
    help="Use of the shared lock table, counted every 15 seconds.",
    sources=("pg_locks", "pg_settings"),
    families=families("postgres_lock_table", (), _HELPS),
    queries=(_LOCK_TABLE,),
    level="server",
    ttl=15.0,
)
