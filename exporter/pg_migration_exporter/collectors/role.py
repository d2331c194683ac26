"""The privileges of the exporter's role: too few hide metrics, too many are a risk."""

from __future__ import annotations

from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.query import Query

PRIVILEGE = Family(
    "migration_exporter_role_privilege",
    "gauge",
    "1 if the exporter's role has the privilege, 0 if not: pg_monitor is what it needs, superuser "
    "and the others are more than that.",
    ("privilege",),
)
VALID = Family(
    "migration_exporter_role_valid_until_seconds",
    "gauge",
    "Time until the password of the exporter's role expires, negative afterwards; absent if never.",
)
LIMIT = Family(
    "migration_exporter_role_connection_limit",
    "gauge",
    "Connections that the exporter's role may have at once; absent if there is no limit.",
)

_ROLE = Query(
    """
with own as (select * from pg_roles where rolname = current_user)
select privilege, granted::int4 as migration_exporter_role_privilege,
       null::float8 as migration_exporter_role_valid_until_seconds,
       null::int4 as migration_exporter_role_connection_limit
  from own cross join lateral (values
       ('superuser', rolsuper), ('create_role', rolcreaterole), ('create_db', rolcreatedb),
       ('replication', rolreplication), ('bypass_rls', rolbypassrls)) as has (privilege, granted)
union all
select name, pg_has_role(name, 'usage')::int4, null, null
  from unnest('{pg_monitor,pg_read_all_stats,pg_read_all_settings,pg_stat_scan_tables,
                pg_read_all_data,pg_write_all_data,pg_read_server_files,pg_write_server_files,
                pg_execute_server_program}'::name[]) as name
union all
select null, null,
       case when isfinite(rolvaliduntil)
            then extract(epoch from rolvaliduntil - clock_timestamp())::float8 end,
       nullif(rolconnlimit, -1)
  from own
"""
)

ROLE: Collector[None] = Collector(
    name="role",
    help="Privileges of the exporter's own role, read once a minute.",
    sources=("pg_roles",),
    families=(PRIVILEGE, VALID, LIMIT),
    queries=(_ROLE,),
    level="server",
    ttl=60.0,
)
