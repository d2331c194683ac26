"""Who is connected, and how much of max_connections that uses.

Client backends alone count against max_connections (PostgreSQL, "Connections and Authentication"):
WAL senders, parallel and background workers have limits of their own.
"""

from __future__ import annotations

from pg_migration_exporter.collectors.base import Collector
from pg_migration_exporter.families import Family
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS
from pg_migration_exporter.postgres.query import Query

CONNECTIONS = Family(
    "postgres_connections",
    "gauge",
    "Client sessions by database, state and role.",
    ("datname", "state", "usename"),
)
CONNECTIONS_MAX = Family(
    "postgres_connections_max", "gauge", "Setting max_connections of the server."
)
CONNECTIONS_RESERVED = Family(
    "postgres_connections_reserved",
    "gauge",
    "Connections that ordinary roles cannot use (superuser_reserved_connections and, from "
    "PostgreSQL 16, reserved_connections).",
)
UTILIZATION = Family(
    "postgres_connection_pool_utilization",
    "gauge",
    "Share of a pool's connections in use, 0 to 1; for the server: client sessions over "
    "max_connections less the reserved ones.",
    ("pool_type", "pool"),
)

_SESSIONS = Query(
    """
select coalesce(datname, '')::text as datname, coalesce(state, 'unknown') as state,
       coalesce(usename, '')::text as usename, count(*) as postgres_connections
  from pg_stat_activity
 where backend_type = 'client backend'
 group by 1, 2, 3
"""
)

_SERVER_POOL = """
with pool as (
    select current_setting('max_connections')::int8 as most,
           current_setting('superuser_reserved_connections')::int8{other_reserved} as reserved,
           (select count(*) from pg_stat_activity
             where backend_type = 'client backend') as used)
select most as postgres_connections_max, reserved as postgres_connections_reserved,
       'server' as pool_type, 'max_connections' as pool,
       used::float8 / nullif(most - reserved, 0) as postgres_connection_pool_utilization
  from pool
"""

CONNECTION_USE = Collector(
    name="connections",
    help="Client sessions and the use of max_connections. Source: pg_stat_activity, pg_settings.",
    scope="cluster",
    families=(CONNECTIONS, CONNECTIONS_MAX, CONNECTIONS_RESERVED, UTILIZATION),
    queries=(
        _SESSIONS,
        Query(
            {
                140000: _SERVER_POOL.format(other_reserved=""),
                160000: _SERVER_POOL.format(
                    other_reserved=" + current_setting('reserved_connections')::int8"
                ),
            }
        ),
    ),
    requires=(READ_ALL_STATS,),
)
