"""The configuration: its schema, and the settings read from a file and options."""

from pg_migration_exporter.config.load import load_settings
from pg_migration_exporter.config.schema import Settings

__all__ = ["Settings", "load_settings"]
