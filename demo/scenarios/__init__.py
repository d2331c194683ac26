"""The faults of the demo and the drills."""

from __future__ import annotations

from demo.scenarios import (
    capacity,
    changelog,
    checks,
    connections,
    indexes,
    logs,
    migration,
    pooler,
    queries,
    quests,
    reach,
    replication,
    server,
    sessions,
    watching,
)
from demo.scenarios.fault import Fault
from demo.scenarios.migration import CHANGESET_FAILS

#: Faults of the demo, in order.
FAULTS: tuple[Fault, ...] = (
    CHANGESET_FAILS,
    indexes.INDEX_BUILD_WAITS,
    replication.REPLAY_STUCK,
    queries.QUERIES_SLOW,
    connections.POOL_EXHAUSTED,
    server.SERVER_DOWN,
)

#: Further faults of the drills, the most drastic last.
DRILLED: tuple[Fault, ...] = (
    migration.MIGRATION_WAITS,
    migration.MIGRATION_BLOCKS_TRAFFIC,
    migration.MIGRATION_TAKES_LONG,
    migration.MIGRATION_UNTAGGED,
    migration.MIGRATION_DIES,
    changelog.CHANGESET_EDITED,
    changelog.CHANGESET_MISSING,
    changelog.CHANGELOG_UNREADABLE,
    changelog.RELEASE_FORGOTTEN,
    changelog.ROLLED_BACK,
    checks.TABLE_REPLACED,
    checks.CHECK_REFUSED,
    indexes.INDEX_BUILD_CANCELED,
    indexes.INDEX_BUILD_STALLS,
    sessions.SESSION_IDLES,
    sessions.REPORT_RUNS,
    sessions.TRANSACTION_PREPARED,
    sessions.TABLE_LOCKED,
    sessions.DEADLOCK,
    sessions.SNAPSHOT_HELD,
    capacity.LOCKS_USED_UP,
    capacity.SUBSCRIPTION_OFF,
    replication.STANDBY_GONE,
    replication.SYNCHRONOUS_MISSING,
    replication.SLOT_FORGOTTEN,
    replication.SLOT_OVERTAKEN,
    replication.SLOT_LOST,
    replication.ARCHIVE_FAILS,
    pooler.POOL_USED_UP,
    pooler.POOLER_GONE,
    quests.IMPORT_INVALID,
    quests.QUESTS_TOO_HARD,
    quests.SERVICE_SUFFERS,
    quests.SERVICE_GONE,
    watching.LOG_PIPELINE_GONE,
    watching.EXPORTER_RESTARTS,
    watching.EXTENSION_GONE,
    watching.GRANT_REVOKED,
    watching.STATE_LOCKED,
    reach.CONFIGURATION_BROKEN,
    reach.DATABASE_REFUSES,
    reach.DATABASES_LEFT_OUT,
    reach.CONNECTIONS_USED_UP,
    reach.SCRAPES_LOST,
    reach.TARGET_VANISHES,
    server.CRASHES,
    server.DOWN_AFTER_FAILURE,
    watching.EXPORTER_GONE,
)

#: Faults that need a Fluent Bit.
LOGGED: tuple[Fault, ...] = (
    logs.ERROR_LOGGED,
    logs.LOGS_ELSEWHERE,
    logs.PREFIX_CHANGED,
    logs.STORE_GONE,
    logs.NO_ROOM,
)

__all__ = ["CHANGESET_FAILS", "DRILLED", "FAULTS", "LOGGED", "Fault"]
