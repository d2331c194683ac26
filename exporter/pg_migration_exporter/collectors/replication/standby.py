"""Replication on the standby itself.

A standby that lost its WAL receiver has replayed all that it received. That is not a lag of zero:
how far the primary went is unknown, so its lag is the time since its last replayed transaction.
This is too long where the primary was idle before, so the memory holds when the standby was last
caught up: no lag began before that (PostgreSQL, "Recovery Information Functions").
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pg_migration_exporter.collectors.columns import age, not_negative
from pg_migration_exporter.metrics.families import Family, FamilySamples
from pg_migration_exporter.postgres.query import Query

RECEIVER_UP = Family(
    "postgres_replication_wal_receiver_up",
    "gauge",
    "On a standby: 1 if its WAL receiver is streaming, 0 if not; absent where it is known to "
    "follow an archive alone.",
)
ARCHIVE_RECOVERY = Family(
    "postgres_replication_archive_recovery",
    "gauge",
    "On a standby: 1 if it follows an archive alone (no primary_conninfo), 0 if not; absent where "
    "the exporter's role may not read settings.",
)
MESSAGE_AGE = Family(
    "postgres_replication_wal_receiver_last_message_age_seconds",
    "gauge",
    "On a standby: time since its WAL receiver last heard of the server it streams from.",
)
PAUSED = Family(
    "postgres_replication_replay_paused", "gauge", "On a standby: 1 if its replay is paused."
)
APPLY_DELAY = Family(
    "postgres_replication_apply_delay_seconds",
    "gauge",
    "On a standby: recovery_min_apply_delay, a lag that is meant to be.",
)
RECEIVER_INFO = Family(
    "postgres_replication_wal_receiver_info",
    "gauge",
    "On a standby: the application_name under which the server that it streams from knows it; "
    "always 1.",
    ("replica",),
)
FAMILIES = (RECEIVER_UP, RECEIVER_INFO, ARCHIVE_RECOVERY, MESSAGE_AGE, PAUSED, APPLY_DELAY)

SELF = "self"

#: current_setting('primary_conninfo') is an error for roles that may not read it.
STANDBY = Query(
    f"""
with standby as (
    select exists (select from pg_stat_wal_receiver where status = 'streaming') as streaming,
           case when pg_has_role('pg_read_all_settings', 'usage')
                then current_setting('primary_conninfo') = '' end as archive_alone,
           pg_last_wal_receive_lsn() as received, pg_last_wal_replay_lsn() as replayed)
select '{SELF}' as replica, 'replay' as stage,
       case when streaming or archive_alone is not true then streaming::int4 end
       as postgres_replication_wal_receiver_up,
       archive_alone::int4 as postgres_replication_archive_recovery,
       (select {age("max(last_msg_receipt_time)")} from pg_stat_wal_receiver)
       as postgres_replication_wal_receiver_last_message_age_seconds,
       pg_is_wal_replay_paused()::int4 as postgres_replication_replay_paused,
       extract(epoch from current_setting('recovery_min_apply_delay')::interval)::float8
       as postgres_replication_apply_delay_seconds,
       {not_negative("(received - replayed)::float8")} as postgres_replication_lag_bytes,
       case when streaming and received = replayed then 0
            else {age("pg_last_xact_replay_timestamp()")}
       end as postgres_replication_lag_seconds
  from standby
""",
    on="standby",
)

#: Without a name of its own, it is that of the cluster, or `walreceiver` (walreceiver.c).
NAME = Query(
    """
select coalesce(substring(conninfo from '(?<!fallback_)application_name=([^ '']+)'),
                substring(conninfo from 'fallback_application_name=([^ '']+)')) as replica,
       1 as postgres_replication_wal_receiver_info
  from pg_stat_wal_receiver where conninfo ~ 'application_name=[^ '']'
""",
    on="standby",
)


@dataclass(slots=True)
class StandbyMemory:
    """When the standby was last caught up (`clock`); None before it first was."""

    caught_up: float | None = None
    clock: Callable[[], float] = time.monotonic

    def limit_lag(self, lag: FamilySamples) -> None:
        """Limit the lag of the standby itself to the time since it was last caught up."""
        now = self.clock()
        for index, (labels, value) in enumerate(lag.samples):
            if labels[0] == SELF:
                assert isinstance(value, float)
                if value == 0:
                    self.caught_up = now
                elif self.caught_up is not None:
                    lag.samples[index] = labels, min(value, now - self.caught_up)
