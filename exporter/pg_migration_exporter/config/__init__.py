"""Configuration: the schema of the file, and how a file and options become frozen settings."""

from pg_migration_exporter.config.load import load_settings
from pg_migration_exporter.config.schema import Settings

__all__ = ["Settings", "load_settings"]
