"""Waits for locks and the chains that they form."""

from pg_migration_exporter.collectors.locks.collector import LOCKS

__all__ = ["LOCKS"]
