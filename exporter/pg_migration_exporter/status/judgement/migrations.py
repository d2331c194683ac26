"""Reasons from the state of the migrations, and from the checks of a user."""

from __future__ import annotations

from collections.abc import Iterator

from pg_migration_exporter.collectors import checks
from pg_migration_exporter.collectors.liquibase import liquibase_families as liquibase
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.status import runbooks
from pg_migration_exporter.status.judgement.reason import Reason
from pg_migration_exporter.status.judgement.situation import Situation
from pg_migration_exporter.status.model import VerdictName
from pg_migration_exporter.status.samples import Samples

_STATES: dict[str, tuple[VerdictName, str, str]] = {
    "failed": ("abort", "DatabaseMigrationFailed", "The migration failed"),
    "stale_lock": ("hold", "MigrationLockStale", "A run is gone and has left its lock"),
    "unknown": ("hold", "MigrationStateUnknown", "The state of the migration is not known"),
}
#: A family, the value that is a reason, its name and its text.
_FLAGS: tuple[tuple[Family, bool, str, str], ...] = (
    (liquibase.BLOCKED, True, runbooks.BLOCKED, "The migration waits for another session"),
    (liquibase.DRIFTED, True, "MigrationDrifted", "Changesets were edited after they ran"),
    (
        liquibase.READABLE,
        False,
        "MigrationChangelogUnreadable",
        "The changelog files cannot be read",
    ),
)
NAMES = (
    *(name for _, name, _ in _STATES.values()),
    *(name for _, _, name, _ in _FLAGS),
    runbooks.PRECHECK,
    runbooks.CHECK,
    runbooks.CHECK_UNKNOWN,
)


def of_migrations(now: Situation) -> Iterator[Reason]:
    """Yield the reasons of each changelog."""
    for labels, value in now.samples.rows(liquibase.STATUS):
        if value and labels["status"] in _STATES:
            verdict, name, text = _STATES[labels["status"]]
            yield Reason(verdict, name, f"{text}: {labels['changelog']}", labels["datname"])
    for family, is_reason, name, text in _FLAGS:
        for labels, value in now.samples.rows(family):
            if bool(value) is is_reason:
                yield Reason("hold", name, f"{text}: {labels['changelog']}", labels["datname"])


def of_checks(now: Situation) -> Iterator[Reason]:
    """Yield the critical checks that fail in their phase, and the checks without a result."""
    for labels, passes in now.samples.rows(checks.STATUS):
        is_now = _is_now(now.samples, labels["phase"], labels["datname"])
        if not passes and labels["severity"] == "critical" and is_now:
            name = runbooks.PRECHECK if labels["phase"] == "pre" else runbooks.CHECK
            yield Reason("hold", name, f"The check {labels['check']} fails", labels["datname"])
    for labels, _ in now.samples.rows(checks.INFO):
        is_due = labels["severity"] != "info" and _is_now(now.samples, labels["phase"])
        if is_due and labels["collector"] in now.silent:
            text = f"The check {labels['check']} has no result: {now.silent[labels['collector']]}"
            yield Reason("hold", runbooks.CHECK_UNKNOWN, text)


def _is_now(samples: Samples, phase: str, datname: str = "") -> bool:
    """Return whether it is the time of a phase; `post` depends on the check's own database."""
    states = [
        (labels["status"], labels["datname"])
        for labels, value in samples.rows(liquibase.STATUS)
        if value
    ]
    if phase == "post":
        return any(
            status in {"succeeded", "drifted"} and datname in {"", where}
            for status, where in states
        )
    return any(status == "running" for status, _ in states) == (phase == "during")
