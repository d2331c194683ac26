"""All collectors, in the order in which their statements are sent.

Cheap ones come first, and those that may wait for a lock of Liquibase's tables last, so that a
deadline cuts off as little as possible.
"""

from typing import Any

from pg_migration_exporter.collectors.checks import CHECKS
from pg_migration_exporter.collectors.connections import CONNECTION_USE
from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.collectors.databases import DATABASE_SIZES, DATABASES
from pg_migration_exporter.collectors.extensions import EXTENSIONS
from pg_migration_exporter.collectors.files import FILES
from pg_migration_exporter.collectors.functions import FUNCTIONS
from pg_migration_exporter.collectors.index_builds import INDEX_BUILDS
from pg_migration_exporter.collectors.indexes import INDEXES
from pg_migration_exporter.collectors.io import IO, SLRU
from pg_migration_exporter.collectors.liquibase import LIQUIBASE
from pg_migration_exporter.collectors.lock_table import LOCK_TABLE
from pg_migration_exporter.collectors.locks import LOCKS
from pg_migration_exporter.collectors.operations import OPERATIONS
from pg_migration_exporter.collectors.pgbouncer import PGBOUNCER
from pg_migration_exporter.collectors.query_duration import MONITORED_DURATIONS, QUERY_DURATIONS
from pg_migration_exporter.collectors.replication import (
    REPLICATION,
    REPLICATION_SLOTS,
    SUBSCRIPTIONS,
)
from pg_migration_exporter.collectors.role import ROLE
from pg_migration_exporter.collectors.sequences import SEQUENCES
from pg_migration_exporter.collectors.server import SERVER
from pg_migration_exporter.collectors.sessions import SESSIONS
from pg_migration_exporter.collectors.settings import SETTINGS
from pg_migration_exporter.collectors.tables import TABLES
from pg_migration_exporter.collectors.transactions import TRANSACTIONS
from pg_migration_exporter.collectors.vacuum import VACUUM
from pg_migration_exporter.collectors.wal import WAL

COLLECTORS: tuple[Collector[Any], ...] = (
    SERVER,
    CONNECTION_USE,
    PGBOUNCER,
    LOCKS,
    TRANSACTIONS,
    REPLICATION,
    REPLICATION_SLOTS,
    SUBSCRIPTIONS,
    SESSIONS,
    DATABASES,
    WAL,
    IO,
    SLRU,
    ROLE,
    INDEX_BUILDS,
    OPERATIONS,
    LOCK_TABLE,
    SETTINGS,
    EXTENSIONS,
    FILES,
    DATABASE_SIZES,
    VACUUM,
    SEQUENCES,
    FUNCTIONS,
    QUERY_DURATIONS,
    MONITORED_DURATIONS,
    INDEXES,
    TABLES,
    CHECKS,
    LIQUIBASE,
)

__all__ = ["COLLECTORS", "Collector"]
