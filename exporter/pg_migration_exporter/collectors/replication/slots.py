"""Replication slots: a slot that has no reader keeps WAL until the disk is full.

REPACK (CONCURRENTLY) makes a temporary slot, pg_repack_PID, for each of its runs: the one that
keeps the most WAL is shown, as pg_repack.
"""

from __future__ import annotations

from pg_migration_exporter.collectors.columns import age, families, not_negative, select_list
from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.query import Query

_PREFIX = "postgres_replication_slot"
_SLOT = ("slot_name", "slot_type")

_HELPS = {
    "active": "1 if a client reads from the slot, 0 if not.",
    "retained_bytes": "WAL that is kept for the slot; absent once it is lost.",
    "safe_bytes": "WAL that may still be written before the slot is in danger of being lost; "
    "absent where max_slot_wal_keep_size sets no limit.",
    "unconfirmed_bytes": "WAL that the reader of a logical slot has not confirmed.",
    "inactive_seconds": "Time since the slot became inactive, from PostgreSQL 17 on; absent while "
    "it is active.",
    "decoded_transactions_total": "Transactions decoded for a logical slot.",
    "decoded_bytes_total": "Bytes of changes decoded for a logical slot.",
    "spilled_transactions_total": "Transactions written to disk while decoding for a logical slot, "
    "because they passed logical_decoding_work_mem.",
    "spilled_bytes_total": "Bytes of these transactions.",
    "streamed_transactions_total": "Transactions streamed from a logical slot while in progress.",
    "streamed_bytes_total": "Bytes of these transactions.",
}
STATUS = Family(
    f"{_PREFIX}_wal_status",
    "gauge",
    "What is left of the WAL that the slot needs: reserved, extended (beyond max_wal_size), "
    "unreserved (the next checkpoint may remove some), lost; 1 for the current one.",
    (*_SLOT, "status"),
)
INVALID = Family(
    f"{_PREFIX}_invalid",
    "gauge",
    "1 for a slot that can no longer be used, with the reason.",
    (*_SLOT, "reason"),
)

_EXPRESSIONS = {
    "active": "s.active::int4",
    "retained_bytes": not_negative("(here.lsn - s.restart_lsn)::float8"),
    "safe_bytes": "s.safe_wal_size",
    "unconfirmed_bytes": not_negative("(here.lsn - s.confirmed_flush_lsn)::float8"),
    "decoded_transactions_total": "t.total_txns",
    "decoded_bytes_total": "t.total_bytes",
    "spilled_transactions_total": "t.spill_txns",
    "spilled_bytes_total": "t.spill_bytes",
    "streamed_transactions_total": "t.stream_txns",
    "streamed_bytes_total": "t.stream_bytes",
}
_INACTIVE = {"inactive_seconds": age("s.inactive_since")}

_LOST = "case when s.wal_status = 'lost' then 'wal_removed' end"
#: Why a slot is invalid, and the other expressions, by version.
_VARIANTS = {
    140000: (_LOST, _EXPRESSIONS),
    160000: (f"case when s.conflicting then 'conflicting' else {_LOST} end", _EXPRESSIONS),
    170000: ("s.invalidation_reason", _EXPRESSIONS | _INACTIVE),
}

_SHOWN = """select distinct on (shown) *
          from (select *, case when temporary and slot_name ~ '^pg_repack_[0-9]+$' then 'pg_repack'
                               else slot_name::text end as shown
                  from pg_replication_slots) as named
         order by shown, restart_lsn"""


def _variant(reason: str, expressions: dict[str, str]) -> str:
    return f"""
select s.shown as slot_name, greatest(count(*) over () - $1::text::int8, 0) as more_slots,
       s.slot_type, s.wal_status as status, {reason} as reason,
       {select_list(_PREFIX, expressions)},
       case when s.wal_status is not null then 1 end as {STATUS.name},
       case when {reason} is not null then 1 end as {INVALID.name}
  from ({_SHOWN}) as s
  left join pg_stat_replication_slots t using (slot_name)
 cross join (select case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                         else pg_current_wal_lsn() end as lsn) as here
 order by s.restart_lsn, s.shown limit $1::text::int8
"""


#: $1: the limit of slots; those that keep the most WAL first.
_SLOTS = Query({version: _variant(*parts) for version, parts in _VARIANTS.items()})

REPLICATION_SLOTS: Collector[None] = Collector(
    name="replication_slots",
    help="What replication slots hold back.",
    sources=("pg_replication_slots", "pg_stat_replication_slots"),
    families=(*families(_PREFIX, _SLOT, _HELPS), STATUS, INVALID),
    queries=(_SLOTS,),
    level="server",
    parameters=lambda settings: (str(settings.limits.slots),),
)
