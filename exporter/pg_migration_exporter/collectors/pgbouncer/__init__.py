"""PgBouncer, from its admin console."""

from pg_migration_exporter.collectors.pgbouncer.collector import PGBOUNCER

__all__ = ["PGBOUNCER"]
