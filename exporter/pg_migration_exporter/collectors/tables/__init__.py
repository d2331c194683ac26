"""The largest tables."""

from pg_migration_exporter.collectors.tables.collector import TABLES

__all__ = ["TABLES"]
