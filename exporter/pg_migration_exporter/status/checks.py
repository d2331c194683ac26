"""The configured checks: their results, and whether it is the time of their phase.

The alert rules derive the same from metrics (bundle/alerts/pg-migration-exporter.checks/).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pg_migration_exporter.collectors.checks import CheckResult, collector_of, expected_checks
from pg_migration_exporter.config.checks import CheckSection, Severity
from pg_migration_exporter.engine.scrape import DatabaseScrape, Scrape
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.status.health import reason_of
from pg_migration_exporter.status.model import LEVELS, CheckStatus, Level, Migration

#: Everything expected has run, even if its files were edited later.
_DONE = (MigrationState.SUCCEEDED, MigrationState.DRIFTED)
_LEVELS: dict[Severity, Level] = {
    "critical": "critical",
    "warning": "attention",
    "info": "info",
}
_NO_DATABASE = "it does not run: its `databases` match no watched database"


def checks(
    target: Target, scrape: Scrape | None, migrations: Sequence[Migration]
) -> list[CheckStatus]:
    """Return every check in every database where it runs, the most urgent first.

    Empty while the server cannot be reached.
    """
    if scrape is None or not scrape.reached:
        return []
    found = [
        check
        for database in scrape.databases
        for check in _of_database(target, database, migrations)
    ]
    found += _without_database(target, {check.name for check in found}, migrations)
    return sorted(found, key=lambda check: LEVELS.index(check.level))


def _of_database(
    target: Target, scrape: DatabaseScrape, migrations: Sequence[Migration]
) -> Iterator[CheckStatus]:
    running = {collector.name for collector in scrape.plan.collectors}
    databases = {database.datname: database for database in target.databases()}
    database = databases.get(scrape.datname)
    for section in target.settings.checks:
        name = collector_of(section)
        if name in running and database is not None:
            result = database.memory(name).answer if name in scrape.results else None
            reason = reason_of(name, [database])
            yield _check(section, database.datname or "", result, reason, migrations)


def _without_database(
    target: Target, known: set[str], migrations: Sequence[Migration]
) -> Iterator[CheckStatus]:
    server = target.databases()[0].capabilities
    for section in expected_checks(target.settings, server) if server else ():
        if section.name not in known:
            yield _check(section, "", None, _NO_DATABASE, migrations)


def _check(
    section: CheckSection,
    datname: str,
    result: CheckResult | None,
    failure: str,
    migrations: Sequence[Migration],
) -> CheckStatus:
    passes = result.passes if result else None
    matters = is_time_for(section, datname, migrations)
    return CheckStatus(
        name=section.name,
        help=section.help,
        phase=section.phase,
        severity=section.severity,
        datname=datname,
        passes=passes,
        reason=result.reason if result else failure,
        matters=matters,
        level=level_of(section, passes, matters=matters),
    )


def is_time_for(section: CheckSection, datname: str, migrations: Sequence[Migration]) -> bool:
    """Return whether the phase of the check is now.

    `pre` and `during` depend on all migrations of the server, `post` on those of its database.
    """
    runs = any(migration.status is MigrationState.RUNNING for migration in migrations)
    if section.phase == "post":
        return any(
            migration.status in _DONE and datname in ("", migration.datname)
            for migration in migrations
        )
    return runs == (section.phase == "during")


def level_of(section: CheckSection, passes: bool | None, *, matters: bool) -> Level:
    """Return how urgent a check is."""
    if passes:
        return "ok"
    if not matters:
        return "info"
    if passes is None:
        return "unknown"
    level = _LEVELS[section.severity]
    # Before a migration, nothing has gone wrong yet.
    return "attention" if level == "critical" and section.phase == "pre" else level
