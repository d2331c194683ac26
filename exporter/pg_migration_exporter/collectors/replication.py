"""Replication lag, seen from the primary (one series a standby) and from a standby (itself).

Two traps decide the SQL. The primary's `*_lag` columns are null when a standby is caught up and
nothing is written: that is zero only if the standby has replayed everything there is. A standby
that lost its WAL receiver has replayed all that it received: that is not zero, it is unknown how
far the primary went, so the time since its last replayed transaction is said (PostgreSQL,
"pg_stat_replication", "Recovery Information Functions").
"""

from __future__ import annotations

from pg_migration_exporter.collectors.base import Collector
from pg_migration_exporter.families import Family
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS
from pg_migration_exporter.postgres.query import Query

LAG_SECONDS = Family(
    "postgres_replication_lag_seconds",
    "gauge",
    "How far a standby is behind in time; replica is its application_name, on a standby itself "
    "'self'. Absent where it cannot be known.",
    ("replica",),
)
LAG_BYTES = Family(
    "postgres_replication_lag_bytes",
    "gauge",
    "WAL that a standby is behind by: written here and not yet sent, written, flushed or replayed "
    "there.",
    ("replica", "stage"),
)
STANDBYS = Family(
    "postgres_replication_standbys", "gauge", "Standbys that stream from this server."
)
RECEIVER_UP = Family(
    "postgres_replication_wal_receiver_up",
    "gauge",
    "On a standby: 1 if its WAL receiver is streaming, 0 if not.",
)

#: Two standbys may share an application_name: their address, then their pid, tells them apart.
_SENDERS = """
with sender as (
    select *, case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                   else pg_current_wal_lsn() end as here
      from pg_stat_replication
     where state in ('streaming', 'catchup')),
named as (
    select sender.*,
           application_name
           || case when count(*) over (partition by application_name) = 1 then ''
                   else '@' || coalesce(host(client_addr), 'local') end
           || case when count(*) over (partition by application_name, client_addr) = 1 then ''
                   else '#' || pid end as replica
      from sender)
"""

_BEHIND = Query(
    _SENDERS
    + """
select replica,
       coalesce(extract(epoch from replay_lag)::float8,
                case when sent_lsn = here and replay_lsn = here then 0 end)
       as postgres_replication_lag_seconds
  from named
"""
)

_BEHIND_BYTES = Query(
    _SENDERS
    + """
select replica, stage,
       greatest(pg_wal_lsn_diff(here, reached), 0)::float8 as postgres_replication_lag_bytes
  from named
 cross join lateral (values ('sent', sent_lsn), ('write', write_lsn), ('flush', flush_lsn),
                            ('replay', replay_lsn)) as stages (stage, reached)
"""
)

_COUNTED = Query(
    """
select count(*) as postgres_replication_standbys
  from pg_stat_replication
 where state in ('streaming', 'catchup')
"""
)

_SELF = Query(
    """
with receiver as (
    select exists (select from pg_stat_wal_receiver where status = 'streaming') as streaming,
           pg_last_wal_receive_lsn() as received, pg_last_wal_replay_lsn() as replayed)
select 'self' as replica, 'replay' as stage,
       streaming::int4 as postgres_replication_wal_receiver_up,
       greatest(pg_wal_lsn_diff(received, replayed), 0)::float8 as postgres_replication_lag_bytes,
       case when streaming and received = replayed then 0
            else greatest(extract(epoch from clock_timestamp()
                                             - pg_last_xact_replay_timestamp()), 0)::float8
       end as postgres_replication_lag_seconds
  from receiver
 where pg_is_in_recovery()
"""
)

REPLICATION = Collector(
    name="replication",
    help="Lag of standbys and of the server itself. Source: pg_stat_replication, "
    "pg_stat_wal_receiver, WAL functions.",
    scope="cluster",
    families=(LAG_SECONDS, LAG_BYTES, STANDBYS, RECEIVER_UP),
    queries=(_BEHIND, _BEHIND_BYTES, _COUNTED, _SELF),
    requires=(READ_ALL_STATS,),
)
