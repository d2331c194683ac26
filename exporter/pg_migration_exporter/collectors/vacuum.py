"""Tables that autovacuum is behind with (PostgreSQL, "The Autovacuum Daemon").

A table is due when its dead or changed rows exceed autovacuum's threshold for it; the threshold for
inserted rows is ignored. Only tables that stay due matter: autovacuum runs once a minute.
"""

from __future__ import annotations

from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.query import Query

_DATABASE = ("datname",)

DUE = Family(
    "postgres_vacuum_tables_due",
    "gauge",
    "Tables with more dead rows than autovacuum waits for.",
    _DATABASE,
)
ANALYZE_DUE = Family(
    "postgres_analyze_tables_due",
    "gauge",
    "Tables with more changed rows than autovacuum waits for before it analyzes them.",
    _DATABASE,
)
FREEZE_DUE = Family(
    "postgres_vacuum_tables_freeze_due",
    "gauge",
    "Tables older than autovacuum_freeze_max_age, which autovacuum must freeze.",
    _DATABASE,
)
DISABLED = Family(
    "postgres_vacuum_tables_disabled",
    "gauge",
    "Tables that autovacuum is switched off for.",
    _DATABASE,
)


def _option(name: str) -> str:
    """Return the SQL of a storage parameter of the table, or null."""
    return f"max(option_value) filter (where option_name = 'autovacuum_{name}')"


def _setting(name: str, own: str) -> str:
    """Return the SQL of the table's own value or the server's; null on servers without it."""
    return f"coalesce({own}, current_setting('autovacuum_{name}', true))::float8"


_TABLES = Query(
    f"""
select current_database()::text as datname,
       count(*) filter (where enabled and pg_stat_get_dead_tuples(c.oid) > least(
           {_setting("vacuum_threshold", "base")}
           + {_setting("vacuum_scale_factor", "scale")} * greatest(c.reltuples, 0),
           nullif({_setting("vacuum_max_threshold", "most")}, -1)))
       as postgres_vacuum_tables_due,
       count(*) filter (where enabled and c.oid <> 'pg_statistic'::regclass  -- never analyzed
                          and pg_stat_get_mod_since_analyze(c.oid) >
           {_setting("analyze_threshold", "changed")}
           + {_setting("analyze_scale_factor", "share")} * greatest(c.reltuples, 0))
       as postgres_analyze_tables_due,
       count(*) filter (where age(c.relfrozenxid) > {_setting("freeze_max_age", "oldest")})
       as postgres_vacuum_tables_freeze_due,
       count(*) filter (where not enabled) as postgres_vacuum_tables_disabled
  from pg_class c  -- dead rows as in pg_stat_all_tables
 cross join lateral (
       select coalesce({_option("enabled")}, 'true')::bool as enabled,
              {_option("vacuum_threshold")} as base, {_option("vacuum_scale_factor")} as scale,
              {_option("vacuum_max_threshold")} as most, {_option("freeze_max_age")} as oldest,
              {_option("analyze_threshold")} as changed,
              {_option("analyze_scale_factor")} as share
         from pg_options_to_table(c.reloptions)) as own
 where c.relkind in ('r', 'm') and c.relpersistence <> 't'
"""
)

VACUUM: Collector[None] = Collector(
    name="vacuum",
    help="Tables that autovacuum is behind with or switched off for, counted once a minute.",
    sources=("pg_class", "pg_stat_all_tables", "pg_settings"),
    families=(DUE, ANALYZE_DUE, FREEZE_DUE, DISABLED),
    queries=(_TABLES,),
    cost="moderate",
    ttl=60.0,
)
