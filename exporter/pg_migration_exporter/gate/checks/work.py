"""What is at work: transactions that a migration would wait for, and other heavy work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pg_migration_exporter.formatting import count, duration
from pg_migration_exporter.gate.check import (
    BuiltIn,
    Evidence,
    Finding,
    failed,
    none_of,
    passed,
    unknown,
)
from pg_migration_exporter.gate.reasons import by_reasons
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS
from pg_migration_exporter.postgres.query import Query, array

_TRANSACTIONS = Query(
    """
select pid, coalesce(usename, '')::text as usename, application_name, state,
       greatest(extract(epoch from clock_timestamp() - xact_start), 0)::float8 as age,
       greatest(extract(epoch from clock_timestamp() - state_change), 0)::float8 as idle
  from pg_stat_activity
 where backend_type = 'client backend' and datname = current_database()
   and xact_start is not null and pid <> pg_backend_pid()
 order by xact_start limit 100
"""
)
_PREPARED = Query(
    """
select gid, owner::text as owner,
       greatest(extract(epoch from clock_timestamp() - prepared), 0)::float8 as age
  from pg_prepared_xacts where database = current_database()
 order by prepared limit 100
"""
)
#: $1: the schemas whose vacuums count, all if it is empty.
_HEAVY_WORK = Query(
    """
with named as (
    select c.oid, n.nspname || '.' || c.relname as name, n.nspname
      from pg_class c join pg_namespace n on n.oid = c.relnamespace),
builds as (
    select relid, command from pg_stat_progress_create_index where datname = current_database()
    union all
    select relid, command from pg_stat_progress_cluster where datname = current_database())
select 'VACUUM of ' || coalesce(name, 'a table') as work
  from pg_stat_progress_vacuum left join named on named.oid = relid
 where datname = current_database()
   and ($1::text = '{}' or nspname is null or nspname = any($1::text::text[]))
union all
select command || ' on ' || coalesce(name, 'a table') from builds left join named on oid = relid
union all
select 'base backup' from pg_stat_progress_basebackup
"""
)
#: A slot that has lost WAL, or loses it at the next checkpoint; and the room that is left.
_SLOTS = Query(
    """
select slot_name::text as slot, coalesce(wal_status, '') as status, safe_wal_size,
       current_setting('max_slot_wal_keep_size') as keep
  from pg_replication_slots where wal_status in ('unreserved', 'lost')
"""
)


def _transactions(evidence: Evidence) -> Finding:
    limit = evidence.profile.limits.transaction_age
    old = [_session(row, row["age"]) for row in evidence.rows if row["age"] > limit]
    return none_of(old, f"no transaction is older than {duration(limit)}")


def _idle(evidence: Evidence) -> Finding:
    limit = evidence.profile.limits.idle_transaction_age
    idle = [
        _session(row, row["idle"])
        for row in evidence.rows
        if (row["state"] or "").startswith("idle in transaction") and row["idle"] > limit
    ]
    return none_of(idle, f"no session is idle in transaction for more than {duration(limit)}")


def _session(row: Mapping[str, Any], seconds: float) -> str:
    name = row["application_name"] or row["usename"]
    return f"pid {row['pid']} ({name}) {row['state']} for {duration(seconds)}"


def _prepared(evidence: Evidence) -> Finding:
    limit = evidence.profile.limits.prepared_transaction_age
    old = [
        f"{row['gid']} of {row['owner']}, {duration(row['age'])} old"
        for row in evidence.rows
        if row["age"] > limit
    ]
    return none_of(old, f"no prepared transaction is older than {duration(limit)}")


def _heavy_work(evidence: Evidence) -> Finding:
    return none_of([row["work"] for row in evidence.rows], "nothing heavy is at work")


def _slots(evidence: Evidence) -> Finding:
    bad = [f"slot {row['slot']} is {row['status']}" for row in evidence.rows]
    return none_of(bad, "every slot has the WAL that it needs")


def _hurt(evidence: Evidence) -> Finding:
    waits = evidence.status.waits
    if waits is None:
        return unknown("lock waits are not known")
    waiting = count(waits.behind_migrations, "session")
    return failed(f"{waiting} behind the migration") if waits.behind_migrations else passed("none")


def _latencies(evidence: Evidence) -> Finding:
    shown = [
        f"{latency.datname} {latency.now_seconds * 1000:.3g} ms"
        for latency in evidence.status.latencies
        if latency.now_seconds is not None
    ]
    return passed(", ".join(shown) or "too few statements to judge")


WORK = (
    BuiltIn(
        name="transactions_are_short",
        phases=("pre",),
        severity="critical",
        summary="No transaction of this database is so old that a migration would wait for it.",
        remedy="Wait until it ends, or ask its owner to end it.",
        judge=_transactions,
        query=_TRANSACTIONS,
        requires=READ_ALL_STATS,
        runbook="PostgresTransactionLong",
    ),
    BuiltIn(
        name="transactions_are_not_idle",
        phases=("pre",),
        severity="critical",
        summary="No session of this database is idle in a transaction.",
        remedy="Ask the owner of that session to end its transaction.",
        judge=_idle,
        query=_TRANSACTIONS,
        requires=READ_ALL_STATS,
        runbook="PostgresIdleInTransaction",
    ),
    BuiltIn(
        name="prepared_transactions_are_young",
        phases=("pre",),
        severity="critical",
        summary="No prepared transaction of this database is left behind.",
        remedy="Let its transaction manager end it: COMMIT PREPARED or ROLLBACK PREPARED.",
        judge=_prepared,
        query=_PREPARED,
        runbook="PostgresPreparedTransactionOld",
    ),
    BuiltIn(
        name="nothing_heavy_is_at_work",
        phases=("pre",),
        severity="critical",
        summary="No base backup, vacuum, index build or rewrite of a table is at work.",
        remedy="Wait until it ends.",
        judge=_heavy_work,
        query=_HEAVY_WORK,
        parameters=lambda profile: (array(profile.schemas),),
        requires=READ_ALL_STATS,
    ),
    BuiltIn(
        name="slots_keep_their_wal",
        phases=("during",),
        severity="critical",
        summary="No replication slot has lost the WAL that it needs, or is about to.",
        remedy="Pause the migration until the subscriber has caught up; raise "
        "max_slot_wal_keep_size.",
        judge=_slots,
        query=_SLOTS,
        runbook="PostgresReplicationSlotAtRisk",
    ),
    BuiltIn(
        name="nobody_waits",
        phases=("during",),
        severity="critical",
        summary="No session waits behind the migration.",
        remedy="See its progress; cancel its statement if users cannot wait that long. An index "
        "build with CONCURRENTLY blocks nobody: never cancel it for this.",
        judge=by_reasons(_hurt),
        collector="locks",
        reasons=("MigrationBlocksTraffic",),
        runbook="MigrationBlocksTraffic",
    ),
    BuiltIn(
        name="latency_is_low",
        phases=("pre", "during", "post"),
        severity="critical",
        summary="The statements of the applications are fast.",
        remedy="See which statements are slow; if they were fast before, roll back.",
        judge=by_reasons(_latencies),
        collector="query_duration",
        reasons=("DatabaseQueryLatencyHigh",),
        runbook="DatabaseQueryLatencyHigh",
    ),
)
