"""Subscriptions of logical replication, on the server that receives."""

from __future__ import annotations

from pg_migration_exporter.collectors.columns import age, families
from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.query import Query

_SUBSCRIPTION = ("datname", "subname")

_HELPS = {
    "enabled": "1 if the subscription is enabled, 0 if not.",
    "worker_up": "1 if the subscription's apply worker runs, 0 if not.",
    "last_message_age_seconds": "Time since the subscription last heard of its publisher; absent "
    "while its worker does not run.",
    "apply_errors_total": "Errors while changes were applied, from PostgreSQL 15 on.",
    "sync_errors_total": "Errors while tables were first copied, from PostgreSQL 15 on.",
    "sequence_sync_errors_total": "Errors while sequences were copied, from PostgreSQL 19 on.",
}
TABLE_STATES = Family(
    "postgres_subscription_tables",
    "gauge",
    "Tables of the subscription by how far their first copy is: init, copying, finished, "
    "synchronized, ready.",
    (*_SUBSCRIPTION, "state"),
)

_WORKERS_SQL = """
select current_database()::text as datname, s.subname::text as subname,
       s.subenabled::int4 as postgres_subscription_enabled,
       (count(w.pid) filter (where w.relid is null) > 0)::int4 as postgres_subscription_worker_up,
       {age}
       as postgres_subscription_last_message_age_seconds{errors}
  from pg_subscription s
  left join pg_stat_subscription w on w.subid = s.oid{statistics}
 where s.subdbid = (select oid from pg_database where datname = current_database())
 group by s.subname, s.subenabled
"""
_AGE = age("max(w.last_msg_receipt_time)")

_STATISTICS = "\n  left join pg_stat_subscription_stats t on t.subid = s.oid"
_ERRORS = {
    150000: {"apply": "apply_error_count", "sync": "sync_error_count"},
    190000: {
        "apply": "apply_error_count",
        "sync": "sync_table_error_count",
        "sequence_sync": "sync_seq_error_count",
    },
}


def _with_errors(columns: dict[str, str]) -> str:
    errors = "".join(
        f",\n       max(t.{column}) as postgres_subscription_{what}_errors_total"
        for what, column in columns.items()
    )
    return _WORKERS_SQL.format(age=_AGE, errors=errors, statistics=_STATISTICS)


_WORKERS = Query(
    {140000: _WORKERS_SQL.format(age=_AGE, errors="", statistics="")}
    | {version: _with_errors(columns) for version, columns in _ERRORS.items()}
)

_TABLES = Query(
    """
select current_database()::text as datname, s.subname::text as subname,
       coalesce(known.state, r.srsubstate::text) as state,
       count(*) as postgres_subscription_tables
  from pg_subscription_rel r join pg_subscription s on s.oid = r.srsubid
  left join (values ('i', 'init'), ('d', 'copying'), ('f', 'finished'), ('s', 'synchronized'),
       ('r', 'ready')) as known (code, state) on known.code = r.srsubstate
 group by 1, 2, 3
"""
)

SUBSCRIPTIONS: Collector[None] = Collector(
    name="subscriptions",
    help="Logical replication on the receiving side.",
    sources=(
        "pg_subscription",
        "pg_stat_subscription",
        "pg_stat_subscription_stats",
        "pg_subscription_rel",
    ),
    families=(*families("postgres_subscription", _SUBSCRIPTION, _HELPS), TABLE_STATES),
    queries=(_WORKERS, _TABLES),
)
