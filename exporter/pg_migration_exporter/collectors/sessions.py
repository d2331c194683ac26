"""Processes of the server and what they wait for, and the TLS versions of connections."""

from __future__ import annotations

from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS
from pg_migration_exporter.postgres.query import Query

PROCESSES = Family(
    "postgres_processes",
    "gauge",
    "Processes of the server by type and by what they wait for; both labels of the wait are empty "
    "for those that wait for nothing.",
    ("backend_type", "wait_event_type", "wait_event"),
)
TLS = Family(
    "postgres_tls_connections",
    "gauge",
    "Connections of clients and standbys over TCP by TLS version. none: not encrypted by TLS; "
    "loopback: neither, but they never leave the server's host.",
    ("version",),
)

_PROCESSES = Query(
    """
select backend_type, coalesce(wait_event_type, '') as wait_event_type,
       coalesce(wait_event, '') as wait_event, count(*) as postgres_processes
  from pg_stat_activity
 group by 1, 2, 3
"""
)

#: `none` also has a sample when it is zero: rules compare it.
_TLS = Query(
    """
with connection as (
    select coalesce(s.version, case when a.client_addr <<= '127.0.0.0/8' or a.client_addr = '::1'
                                    then 'loopback' else 'none' end) as version
      from pg_stat_ssl s join pg_stat_activity a using (pid)
     where a.backend_type in ('client backend', 'walsender')
       and a.client_addr is not null)  -- a local socket needs no TLS
select version, count(connection.version) as postgres_tls_connections
  from (select 'none' as version union select version from connection) as known
  left join connection using (version)
 group by version
"""
)

SESSIONS: Collector[None] = Collector(
    name="sessions",
    help="Processes and their waits, connections by TLS version.",
    sources=("pg_stat_activity", "pg_stat_ssl"),
    families=(PROCESSES, TLS),
    queries=(_PROCESSES, _TLS),
    level="server",
    requires=(READ_ALL_STATS,),
)
