"""Extensions of the database, and whether the server's files have another version."""

from __future__ import annotations

from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.query import Query

INFO = Family(
    "postgres_extension_info",
    "gauge",
    "An extension of the database and its version; always 1.",
    ("datname", "extname", "version"),
)
UPDATE = Family(
    "postgres_extension_update_available",
    "gauge",
    "1 if the server's files offer another version of the extension than the database has (ALTER "
    "EXTENSION ... UPDATE), 0 if not.",
    ("datname", "extname"),
)

#: pg_available_extensions() reads a control file for each extension that could be installed.
_EXTENSIONS = Query(
    """
select current_database()::text as datname, e.extname::text as extname, e.extversion as version,
       1 as postgres_extension_info,
       (a.default_version <> e.extversion)::int4 as postgres_extension_update_available
  from pg_extension e left join pg_available_extensions() a on a.name = e.extname
"""
)

EXTENSIONS: Collector[None] = Collector(
    name="extensions",
    help="Extensions and their versions, read every five minutes.",
    sources=("pg_extension", "pg_available_extensions"),
    families=(INFO, UPDATE),
    queries=(_EXTENSIONS,),
    cost="moderate",
    ttl=300.0,
)
