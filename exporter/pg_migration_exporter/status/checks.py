"""Checks of the configuration: which pass, which fail and why, and whether it is their time.

The alert rules decide the same from metrics (bundle/rules/pg-migration-exporter.checks.yaml).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pg_migration_exporter.collectors.checks import CheckResult, collector_of, expected_checks
from pg_migration_exporter.config.checks import CheckSection, Severity
from pg_migration_exporter.engine.database import Part
from pg_migration_exporter.engine.scrape import Scrape
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.status.health import reason_of
from pg_migration_exporter.status.model import LEVELS, CheckStatus, Level, Migration

#: Everything expected has run, whether or not somebody edited its files later.
_DONE = (MigrationState.SUCCEEDED, MigrationState.DRIFTED)
_LEVELS: dict[Severity, Level] = {
    "critical": "critical",
    "warning": "attention",
    "info": "info",
}
_NOWHERE = "it runs nowhere: no database that is watched has a name that its `databases` match"


def checks(
    target: Target, scrape: Scrape | None, migrations: Sequence[Migration]
) -> list[CheckStatus]:
    """Every check in every database where it runs, those that ask for most first.

    None where the server is not reached: nothing is known of any then.
    """
    if scrape is None or not scrape.reached:
        return []
    found = [one for part in scrape.parts for one in _of_part(target, part, migrations)]
    found += _of_no_part(target, {one.name for one in found}, migrations)
    return sorted(found, key=lambda one: LEVELS.index(one.level))


def _of_part(target: Target, part: Part, migrations: Sequence[Migration]) -> Iterator[CheckStatus]:
    running = {one.name for one in part.plan.collectors}
    database = next((one for one in target.databases() if one.datname == part.datname), None)
    for section in target.settings.checks:
        name = collector_of(section)
        if name in running and database is not None:
            result = database.memory(name).answer if name in part.answered else None
            reason = reason_of(name, [database])
            yield _check(section, database.datname or "", result, reason, migrations)


def _of_no_part(
    target: Target, known: set[str], migrations: Sequence[Migration]
) -> Iterator[CheckStatus]:
    server = target.databases()[0].capabilities
    for section in expected_checks(target.settings, server) if server else ():
        if section.name not in known:
            yield _check(section, "", None, _NOWHERE, migrations)


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
    """Whether its phase is now: of any migration of the server, `post` of its own database's."""
    runs = any(one.status is MigrationState.RUNNING for one in migrations)
    if section.phase == "post":
        return any(one.status in _DONE and datname in ("", one.datname) for one in migrations)
    return runs == (section.phase == "during")


def level_of(section: CheckSection, passes: bool | None, *, matters: bool) -> Level:
    """How much a check asks of whoever reads it."""
    if passes:
        return "ok"
    if not matters:
        return "info"
    if passes is None:
        return "unknown"
    level = _LEVELS[section.severity]
    # Nothing has happened yet: it only must not begin.
    return "attention" if level == "critical" and section.phase == "pre" else level
