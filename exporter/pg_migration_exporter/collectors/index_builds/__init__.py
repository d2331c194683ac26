"""Index builds and invalid indexes."""

from pg_migration_exporter.collectors.index_builds.collector import INDEX_BUILDS

__all__ = ["INDEX_BUILDS"]
