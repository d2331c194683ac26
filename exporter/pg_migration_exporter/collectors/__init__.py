"""Every collector, in the order their statements are sent: cheap ones first, and those that may run
into a lock (of Liquibase's tables) last, so that a deadline cuts off the least."""

from pg_migration_exporter.collectors.base import Collector
from pg_migration_exporter.collectors.connections import CONNECTION_USE
from pg_migration_exporter.collectors.index_builds import INDEX_BUILDS
from pg_migration_exporter.collectors.liquibase import LIQUIBASE
from pg_migration_exporter.collectors.locks import LOCKS
from pg_migration_exporter.collectors.operations import OPERATIONS
from pg_migration_exporter.collectors.pgbouncer import PGBOUNCER
from pg_migration_exporter.collectors.query_duration import QUERY_DURATIONS
from pg_migration_exporter.collectors.replication import REPLICATION
from pg_migration_exporter.collectors.server import SERVER
from pg_migration_exporter.collectors.tables import TABLES
from pg_migration_exporter.collectors.transactions import TRANSACTIONS

COLLECTORS: tuple[Collector, ...] = (
    SERVER,
    CONNECTION_USE,
    PGBOUNCER,
    LOCKS,
    TRANSACTIONS,
    REPLICATION,
    INDEX_BUILDS,
    OPERATIONS,
    QUERY_DURATIONS,
    TABLES,
    LIQUIBASE,
)

__all__ = ["COLLECTORS", "Collector"]
