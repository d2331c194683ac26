"""Physical replication from both sides, replication slots, and subscriptions."""

from pg_migration_exporter.collectors.replication.collector import LAG_SECONDS, REPLICATION
from pg_migration_exporter.collectors.replication.slots import REPLICATION_SLOTS
from pg_migration_exporter.collectors.replication.subscriptions import SUBSCRIPTIONS

__all__ = ["LAG_SECONDS", "REPLICATION", "REPLICATION_SLOTS", "SUBSCRIPTIONS"]
