"""Counters, sizes and transaction ID ages of every database of the server.

PostgreSQL, "Preventing Transaction ID Wraparound Failures".
"""

from __future__ import annotations

from pg_migration_exporter.collectors.columns import families, select_list
from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.collectors.shown_databases import (
    JOIN_SHOWN_DATABASES,
    MORE_DATABASES,
    database_limit,
)
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.query import Query

_PREFIX = "postgres_database"
_DATABASE = ("datname",)

#: Writes stop 3 million ids before half of the 32-bit circle is used up (varsup.c, multixact.c).
_USABLE_IDS = 2**31 - 1 - 3_000_000

#: Where times are not measured, the view has zeros; there is no sample then.
_TIMED = "case when current_setting('track_io_timing')::bool then s.{} / 1000 end"

_HELPS = {
    "commits_total": "Transactions committed.",
    "rollbacks_total": "Transactions rolled back.",
    "blocks_hit_total": "Blocks found in the shared buffers.",
    "blocks_read_total": "Blocks not found in the shared buffers.",
    "block_read_seconds_total": "Time spent reading blocks; absent without track_io_timing.",
    "block_write_seconds_total": "Time spent writing blocks; absent without track_io_timing.",
    "rows_returned_total": "Rows read by sequential scans and index entries read by index scans.",
    "rows_fetched_total": "Rows fetched by index scans.",
    "rows_inserted_total": "Rows inserted.",
    "rows_updated_total": "Rows updated.",
    "rows_deleted_total": "Rows deleted.",
    "temp_files_total": "Temporary files that queries wrote.",
    "temp_bytes_total": "Bytes that queries wrote to temporary files.",
    "deadlocks_total": "Deadlocks detected.",
    "conflicts_total": "Queries canceled on a standby because of conflicts with recovery.",
    "checksum_failures_total": "Data pages whose checksum was wrong; absent without checksums.",
    "sessions_total": "Sessions established.",
    "sessions_abandoned_total": "Sessions whose client was lost.",
    "sessions_fatal_total": "Sessions ended by a fatal error.",
    "sessions_killed_total": "Sessions ended by an operator.",
    "session_seconds_total": "Time that sessions were connected, up to their last state change.",
    "active_seconds_total": "Time that sessions spent executing statements.",
    "idle_in_transaction_seconds_total": "Time that sessions spent idle in a transaction.",
    "stats_reset_timestamp_seconds": "When the statistics were reset, in seconds since the epoch.",
    "frozen_xid_age": "Transactions begun since the oldest that is not frozen everywhere.",
    "frozen_multixact_age": "Multixacts made since the oldest that is not frozen everywhere.",
    "wraparound_ratio": "Share of the transaction or multixact ids (the greater of both) used up "
    "before the server refuses writes, 0 to 1.",
}

_EXPRESSIONS = {
    "commits_total": "s.xact_commit",
    "rollbacks_total": "s.xact_rollback",
    "blocks_hit_total": "s.blks_hit",
    "blocks_read_total": "s.blks_read",
    "block_read_seconds_total": _TIMED.format("blk_read_time"),
    "block_write_seconds_total": _TIMED.format("blk_write_time"),
    "rows_returned_total": "s.tup_returned",
    "rows_fetched_total": "s.tup_fetched",
    "rows_inserted_total": "s.tup_inserted",
    "rows_updated_total": "s.tup_updated",
    "rows_deleted_total": "s.tup_deleted",
    "temp_files_total": "s.temp_files",
    "temp_bytes_total": "s.temp_bytes",
    "deadlocks_total": "s.deadlocks",
    "conflicts_total": "s.conflicts",
    "checksum_failures_total": "s.checksum_failures",
    "sessions_total": "s.sessions",
    "sessions_abandoned_total": "s.sessions_abandoned",
    "sessions_fatal_total": "s.sessions_fatal",
    "sessions_killed_total": "s.sessions_killed",
    "session_seconds_total": "s.session_time / 1000",
    "active_seconds_total": "s.active_time / 1000",
    "idle_in_transaction_seconds_total": "s.idle_in_transaction_time / 1000",
    "stats_reset_timestamp_seconds": "extract(epoch from s.stats_reset)::float8",
    "frozen_xid_age": "age(d.datfrozenxid)",
    "frozen_multixact_age": "mxid_age(d.datminmxid)",
    "wraparound_ratio": "greatest(age(d.datfrozenxid), mxid_age(d.datminmxid))::float8 "
    f"/ {_USABLE_IDS}",
}

CONFLICTS = Family(
    "postgres_database_recovery_conflicts_total",
    "counter",
    "Queries canceled on a standby, by what they conflicted with.",
    ("datname", "reason"),
)

#: Templates have only ages: they are hardly used, but the server stops for them too.
_DATABASES = Query(
    f"""
select d.datname::text as datname, {MORE_DATABASES},
       {select_list(_PREFIX, _EXPRESSIONS)}
  from pg_database d {JOIN_SHOWN_DATABASES}
  left join pg_stat_database s on s.datid = d.oid and not d.datistemplate
"""
)

_REASONS = f"""
select c.datname::text as datname, conflicts.reason,
       conflicts.number as postgres_database_recovery_conflicts_total
  from pg_stat_database_conflicts c join pg_database d on d.oid = c.datid {JOIN_SHOWN_DATABASES}
 cross join lateral (values ('tablespace', confl_tablespace), ('lock', confl_lock),
       ('snapshot', confl_snapshot), ('bufferpin', confl_bufferpin),
       ('deadlock', confl_deadlock){{logical}}) as conflicts (reason, number)
 where not d.datistemplate
"""
_CONFLICTS = Query(
    {
        140000: _REASONS.format(logical=""),
        160000: _REASONS.format(logical=",\n       ('logical_slot', confl_active_logicalslot)"),
    },
    on="standby",
)

DATABASES: Collector[None] = Collector(
    name="databases",
    help="Counters and transaction id ages of every database.",
    sources=("pg_database", "pg_stat_database", "pg_stat_database_conflicts"),
    families=(*families(_PREFIX, _DATABASE, _HELPS), CONFLICTS),
    queries=(_DATABASES, _CONFLICTS),
    level="server",
    parameters=database_limit,
)

SIZE = Family(
    "postgres_database_size_bytes",
    "gauge",
    "Size of a database on disk; absent where the exporter's role may neither connect to it nor "
    "read all statistics.",
    _DATABASE,
)

#: Reads the size of every file of every database; opens no relation.
_SIZES = Query(
    f"""
select d.datname::text as datname,
       case when pg_has_role('pg_read_all_stats', 'usage')
                 or has_database_privilege(d.oid, 'connect')
            then pg_database_size(d.oid) end as postgres_database_size_bytes
  from pg_database d {JOIN_SHOWN_DATABASES}
 where not d.datistemplate
"""
)

DATABASE_SIZES: Collector[None] = Collector(
    name="database_sizes",
    help="Size of every database, measured once a minute.",
    sources=("pg_database_size()",),
    families=(SIZE,),
    queries=(_SIZES,),
    cost="moderate",
    level="server",
    parameters=database_limit,
    ttl=60.0,
)
