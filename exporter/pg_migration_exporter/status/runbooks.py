"""The runbooks, by alert; a test checks that each is in docs/runbooks."""

from __future__ import annotations

from pg_migration_exporter.config import Settings
from pg_migration_exporter.status.model import Runbook

DOWN = "PostgresDown"
BLIND = "MigrationExporterBlind"
LEFT_OUT = "MigrationExporterLeftOut"
WATCHER_STALE = "MigrationExporterWatcherStale"
BLOCKED = "MigrationBlocked"
BLOCKS_OTHERS = "MigrationBlocksTraffic"
LOCK_WAIT = "PostgresLockWaitLong"
BUILD_BLOCKED = "IndexBuildBlocked"
INDEX_INVALID = "IndexInvalid"
PRECHECK = "MigrationPrecheckFailed"
CHECK = "MigrationCheckFailed"
CHECK_UNKNOWN = "MigrationCheckUnknown"


def runbook(alert: str | None, settings: Settings) -> Runbook | None:
    """Return the runbook of an alert, with its URL if runbooks are configured."""
    if not alert:
        return None
    folder = settings.status.runbooks
    return Runbook(alert=alert, url=f"{folder.rstrip('/')}/{alert}.md" if folder else None)
