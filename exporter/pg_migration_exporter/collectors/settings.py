"""The server's settings, in base units.

Settings for planner tuning and developers are left out, and all but a few presets. A setting with
another value in the exporter's session (its timeouts, or what is set for its role) is left out too,
because pg_settings shows only the session's value. Texts may hold a secret or a command: only those
listed here are shown.
"""

from __future__ import annotations

from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.query import Query

SETTING = Family(
    "postgres_setting",
    "gauge",
    "A number or switch among the server's settings: in bytes or seconds where it has a unit, 0 or "
    "1 for a switch; negative values (off, or chosen by the server) as they are.",
    ("name",),
)
SETTING_INFO = Family(
    "postgres_setting_info",
    "gauge",
    "A choice or text among the server's settings; always 1.",
    ("name", "value"),
)
PENDING_RESTART = Family(
    "postgres_settings_pending_restart",
    "gauge",
    "Settings changed in the configuration that wait for a restart of the server.",
)

_SHOWN_TEXTS = (
    "cluster_name", "listen_addresses", "log_destination", "log_line_prefix", "log_min_messages",
    "log_timezone", "server_version", "shared_preload_libraries", "ssl_ciphers",
    "synchronous_standby_names", "temp_tablespaces", "TimeZone", "wal_consistency_checking",
)  # fmt: skip

_SHOWN_PRESETS = "('block_size', 'data_checksums', 'wal_segment_size')"
_LEFT_OUT = (
    "^(Developer Options|Query Tuning|Version and Platform|Preset Options|"
    "Client Connection Defaults / (Locale|Other))"
)
_OF_THE_SESSION = "('client', 'session', 'user', 'database', 'database user')"

_SETTINGS = Query(
    f"""
with setting as materialized (
    select *,
           case when unit ~ '^[0-9]+kB$' then pg_size_bytes(unit)
                when unit = 'kB' then 1024 when unit = 'MB' then 1048576
                when unit = 'us' then 1e-6 when unit = 'ms' then 0.001 when unit = 'min' then 60
                else 1 end as factor,
           category !~ '{_LEFT_OUT}' or name in {_SHOWN_PRESETS} as matters
      from pg_settings),
shown as (
    select * from setting
     where source not in {_OF_THE_SESSION} and name !~ '^transaction_')
select name, null as value, null::int4 as postgres_setting_info,
       case when vartype = 'bool' then (setting = 'on')::int4
            when setting like '-%' then setting::float8
            else setting::float8 * factor end as postgres_setting,
       null::int8 as postgres_settings_pending_restart
  from shown where matters and vartype in ('bool', 'integer', 'real')
union all
select name, setting, 1, null, null
  from shown where matters and vartype = 'enum' or name = any('{{{",".join(_SHOWN_TEXTS)}}}')
union all
select null, null, null, null, count(*) filter (where pending_restart) from setting
"""
)

SETTINGS: Collector[None] = Collector(
    name="settings",
    help="Settings of the server, read once a minute.",
    sources=("pg_settings",),
    families=(SETTING, SETTING_INFO, PENDING_RESTART),
    queries=(_SETTINGS,),
    cost="moderate",
    level="server",
    ttl=60.0,
)
