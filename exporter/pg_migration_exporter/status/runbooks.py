"""Which alert's runbook tells what to do; a test proves that each is in docs/runbooks."""

from __future__ import annotations

from pg_migration_exporter.config import Settings
from pg_migration_exporter.liquibase.state import Status as State
from pg_migration_exporter.status.model import Runbook

DOWN = "PostgresDown"
BLIND = "MigrationExporterBlind"
PRECHECK = "MigrationPrecheckFailed"
CHECK = "MigrationCheckFailed"

#: Runbooks that fit a state.
FOR_STATE: dict[State, str] = {
    State.FAILED: "DatabaseMigrationFailed",
    State.STALE_LOCK: "DatabaseMigrationFailed",
    State.UNKNOWN: BLIND,
}


def runbook(alert: str | None, settings: Settings) -> Runbook | None:
    """The runbook of an alert, with its address where it has one."""
    if alert is None:
        return None
    folder = settings.status.runbooks
    return Runbook(alert=alert, url=f"{folder.rstrip('/')}/{alert}.md" if folder else None)
