"""Reachability, version and replication role of the server."""

from __future__ import annotations

from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.query import Query

UP = Family("postgres_up", "gauge", "1 if the server answered in this scrape, 0 if not.")
INFO = Family(
    "postgres_info",
    "gauge",
    "Version of the server and its role in replication (primary or standby); always 1.",
    ("version", "role"),
)
START_TIME = Family(
    "postgres_start_time_seconds", "gauge", "When the server started, in seconds since the epoch."
)

#: Also runs on servers that are too old for every other collector, so that they are shown as up.
_SERVER = Query(
    {
        90600: """
select 1 as postgres_up, 1 as postgres_info, current_setting('server_version') as version,
       case when pg_is_in_recovery() then 'standby' else 'primary' end as role,
       extract(epoch from pg_postmaster_start_time())::float8 as postgres_start_time_seconds
"""
    }
)

SERVER: Collector[None] = Collector(
    name="server",
    help="Reachability, version and role.",
    sources=("settings", "pg_is_in_recovery()"),
    level="server",
    families=(UP, INFO, START_TIME),
    queries=(_SERVER,),
)
