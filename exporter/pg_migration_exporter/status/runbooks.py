"""Which alert's runbook tells what to do; a test proves that each is in docs/runbooks."""

from __future__ import annotations

from pg_migration_exporter.config import Settings
from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.status.model import Runbook

DOWN = "PostgresDown"
BLIND = "MigrationExporterBlind"
WATCHER_STALE = "MigrationExporterWatcherStale"
BLOCKED = "MigrationBlocked"
BLOCKS_OTHERS = "MigrationBlocksTraffic"
LOCK_WAIT = "PostgresLockWaitLong"
BUILD_BLOCKED = "IndexBuildBlocked"
INDEX_INVALID = "IndexInvalid"
PRECHECK = "MigrationPrecheckFailed"
CHECK = "MigrationCheckFailed"

#: Runbooks that fit a state; of a database that was never migrated, no alert tells.
FOR_STATE: dict[MigrationState, str] = {
    MigrationState.FAILED: "DatabaseMigrationFailed",
    MigrationState.STALE_LOCK: "MigrationLockStale",
    MigrationState.RUNNING: "DatabaseMigrationInProgress",
    MigrationState.PENDING: "MigrationPendingLong",
    MigrationState.DRIFTED: "MigrationDrifted",
    MigrationState.ROLLED_BACK: "MigrationRolledBack",
    MigrationState.SUCCEEDED: "MigrationSucceeded",
    MigrationState.UNKNOWN: "MigrationStateUnknown",
}


def for_state(state: MigrationState, *, blocked: bool) -> str | None:
    """The alert whose runbook fits a state; None for one without."""
    return BLOCKED if blocked else FOR_STATE.get(state)


def runbook(alert: str | None, settings: Settings) -> Runbook | None:
    """The runbook of an alert, with its address where it has one."""
    if alert is None:
        return None
    folder = settings.status.runbooks
    return Runbook(alert=alert, url=f"{folder.rstrip('/')}/{alert}.md" if folder else None)
