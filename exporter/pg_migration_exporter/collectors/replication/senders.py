"""Replication on the sending side: a primary, or a standby that others cascade from.

The `*_lag` columns are null when a standby is caught up and nothing is written: that is zero only
if the standby has replayed everything there is (PostgreSQL, "pg_stat_replication").
"""

from __future__ import annotations

from pg_migration_exporter.collectors.columns import not_negative
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.query import Query

STAGE_SECONDS = Family(
    "postgres_replication_stage_lag_seconds",
    "gauge",
    "Time until the latest WAL was written, flushed or replayed by a standby, each since it was "
    "flushed here: they are not to be added up. Absent where it cannot be known.",
    ("replica", "stage"),
)
INFO = Family(
    "postgres_replication_standby_info",
    "gauge",
    "A receiver of this server's WAL: physical (a standby, pg_receivewal) or logical (a "
    "subscription); always 1.",
    ("replica", "kind", "state", "sync_state", "slot_name"),
)
STANDBYS = Family(
    "postgres_replication_standbys", "gauge", "Standbys that stream from this server."
)
SYNCHRONOUS = Family(
    "postgres_replication_synchronous_standbys",
    "gauge",
    "Standbys that commits wait for or may wait for (sync_state sync or quorum).",
)
REQUIRED = Family(
    "postgres_replication_synchronous_required",
    "gauge",
    "Standbys that synchronous_standby_names asks for, 0 if commits wait for none: with fewer "
    "connected, they hang.",
)
TIMELINE = Family(
    "postgres_replication_timeline",
    "gauge",
    "Timeline that the server writes or follows; a new one begins with every promotion.",
)
FAMILIES = (STAGE_SECONDS, INFO, STANDBYS, SYNCHRONOUS, REQUIRED, TIMELINE)

#: Standbys with the same application_name are distinguished by their address, then by their pid.
BEHIND = Query(
    f"""
with sender as (
    select r.*, s.slot_name, s.slot_type,
           case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                else pg_current_wal_lsn() end as here
      from pg_stat_replication r left join pg_replication_slots s on s.active_pid = r.pid
     where r.state in ('streaming', 'catchup')),
named as (
    select sender.*, sent_lsn = here and replay_lsn = here as caught_up,
           application_name
           || case when count(*) over (partition by application_name) = 1 then ''
                   else '@' || coalesce(host(client_addr), 'local') end
           || case when count(*) over (partition by application_name, client_addr) = 1 then ''
                   else '#' || pid end as replica
      from sender),
staged as (
    select *, coalesce(extract(epoch from lag)::float8, case when caught_up then 0 end) as seconds
      from named
     cross join lateral (values ('sent', sent_lsn, null), ('write', write_lsn, write_lag),
           ('flush', flush_lsn, flush_lag), ('replay', replay_lsn, replay_lag)
           ) as stages (stage, reached, lag))
select replica, stage, coalesce(slot_type, 'physical') as kind, state, sync_state,
       coalesce(slot_name::text, '') as slot_name,
       {not_negative("(here - reached)::float8")} as postgres_replication_lag_bytes,
       case when stage <> 'sent' then seconds end as postgres_replication_stage_lag_seconds,
       case when stage = 'replay' then seconds end as postgres_replication_lag_seconds,
       case when stage = 'replay' then 1 end as postgres_replication_standby_info
  from staged
"""
)

#: A receiver that never reports a replay position is pg_receivewal.
COUNTED = Query(
    r"""
with standby as (
    select r.sync_state in ('sync', 'quorum') as synchronous
      from pg_stat_replication r left join pg_replication_slots s on s.active_pid = r.pid
     where r.state in ('streaming', 'catchup') and r.replay_lsn is not null
       and s.slot_type is distinct from 'logical')
select count(*) as postgres_replication_standbys,
       count(*) filter (where synchronous) as postgres_replication_synchronous_standbys,
       case when current_setting('synchronous_standby_names') = '' or pg_is_in_recovery() then 0
            else coalesce((regexp_match(current_setting('synchronous_standby_names'),
                                        '^\s*(?:first|any)?\s*(\d+)\s*\(', 'i'))[1]::int4, 1)
       end as postgres_replication_synchronous_required,
       case when pg_is_in_recovery()
            then greatest((select max(received_tli) from pg_stat_wal_receiver),
                          (select timeline_id from pg_control_checkpoint()))
            else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int4
       end as postgres_replication_timeline
  from standby
"""
)
