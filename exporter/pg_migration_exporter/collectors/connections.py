"""Client sessions, and how much of each limit they use.

Only client backends count against these limits (PostgreSQL, "Connections and Authentication",
CREATE DATABASE, CREATE ROLE): WAL senders and background workers have limits of their own.
"""

from __future__ import annotations

import asyncio
import json

from pg_migration_exporter.collectors.columns import read_columns
from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.pools import POOL_FAMILIES, add_pool
from pg_migration_exporter.collectors.shown_databases import JOIN_SHOWN_DATABASES
from pg_migration_exporter.config.schema import PoolSection
from pg_migration_exporter.metrics.families import Family
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

#: $1: the limit of these combinations.
_SESSIONS = Query(
    """
select coalesce(datname, '')::text as datname, coalesce(state, 'unknown') as state,
       coalesce(usename, '')::text as usename, count(*) as postgres_connections,
       greatest(count(*) over () - $1::text::int8, 0) as more_sessions
  from pg_stat_activity
 where backend_type = 'client backend'
 group by 1, 2, 3
 order by 4 desc limit $1::text::int8
"""
)

_LIMITS = """
select current_setting('max_connections')::int8 as postgres_connections_max,
       current_setting('superuser_reserved_connections')::int8{other_reserved}
         as postgres_connections_reserved
"""
_SERVER_LIMITS = Query(
    {
        140000: _LIMITS.format(other_reserved=""),
        160000: _LIMITS.format(other_reserved=" + current_setting('reserved_connections')::int8"),
    }
)

#: The limit of a role does not apply to superusers, and that of the exporter's own role starves
#: nobody else: the verdict tells of it (status/judgement/blindness.py). $1: the limit of databases,
#: $2: of roles, $3: the configuration's pools as JSON.
_POOLS = Query(
    f"""
with session as materialized (
    select datname::text, usename::text, application_name
      from pg_stat_activity where backend_type = 'client backend')
select 'server', 'max_connections', count(*), null::int8, 0::int8 from session
union all
select 'database', d.datname::text, count(s), d.datconnlimit, 0
  from pg_database d {JOIN_SHOWN_DATABASES}
  left join session s on s.datname = d.datname::text
 where d.datconnlimit >= 0 group by d.datname, d.datconnlimit
union all
select 'role', r.rolname::text, count(s), r.rolconnlimit,
       greatest(r.number - $2::text::int8, 0)
  from (select *, count(*) over () as number from pg_roles
         where rolconnlimit >= 0 and not rolsuper and rolname <> current_user
         order by oid limit $2::text::int8) r
  left join session s on s.usename = r.rolname::text
 group by r.rolname, r.rolconnlimit, r.number
union all
select 'application', p.name, count(s), p.max_connections, 0
  from json_to_recordset($3::json)
         as p (name text, max_connections int8, databases text[], roles text[],
               application_names text[])
  left join session s
         on (p.databases = '{{}}' or s.datname = any (p.databases))
        and (p.roles = '{{}}' or s.usename = any (p.roles))
        and (p.application_names = '{{}}' or s.application_name = any (p.application_names))
 group by p.name, p.max_connections
"""
)


async def collect(context: RunContext[None]) -> None:
    """Read everything in one round trip; the server's own pool follows from two results."""
    limits = context.settings.limits
    sessions, server, pools = await asyncio.gather(
        context.query(_SESSIONS, str(limits.sessions)),
        context.query(_SERVER_LIMITS),
        context.query(
            _POOLS, str(limits.databases), str(limits.roles), _budgets(context.settings.pools)
        ),
    )
    for rows in (sessions, server):
        read_columns(rows, context)
    [(maximum, reserved)] = server.rows
    context.bounds.leave_out("roles", max(row[-1] for row in pools.rows))
    for pool_type, pool, used, limit, _ in pools.rows:
        add_pool(context, pool_type, pool, used, maximum - reserved if limit is None else limit)


def _budgets(pools: tuple[PoolSection, ...]) -> str:
    return json.dumps([pool.model_dump() for pool in pools])


CONNECTION_USE: Collector[None] = Collector(
    name="connections",
    help="Client sessions, and the use of the limits of server, databases, roles and applications.",
    sources=("pg_stat_activity", "pg_settings", "pg_database", "pg_roles"),
    level="server",
    families=(CONNECTIONS, CONNECTIONS_MAX, CONNECTIONS_RESERVED, *POOL_FAMILIES),
    queries=(_SESSIONS, _SERVER_LIMITS, _POOLS),
    requires=(READ_ALL_STATS,),
    collect=collect,
)
