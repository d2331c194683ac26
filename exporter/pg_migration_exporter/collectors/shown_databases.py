"""The databases of a server that have series of their own: at most `limits.databases`.

The oldest come first, so that the same ones stay when others are created, and the one of the
connection string always.
"""

from __future__ import annotations

from pg_migration_exporter.config.schema import Settings

#: SQL that restricts pg_database `d` to them, in FROM. $1: the limit.
JOIN_SHOWN_DATABASES = """join (
       select oid, count(*) over () as number from pg_database
        order by datname = current_database() desc, oid limit $1::text::int8
       ) as shown on shown.oid = d.oid"""
#: SQL of the databases that are not shown, as `columns.read_columns` counts them.
MORE_DATABASES = "greatest(shown.number - $1::text::int8, 0) as more_databases"


def database_limit(settings: Settings) -> tuple[str, ...]:
    """Return the parameter of these (`Collector.parameters`)."""
    return (str(settings.limits.databases),)
