"""Checks: conditions before, during or after a migration, read by a user's SQL.

A statement returns one row: whether the check passes and, optionally, a reason. The reason is for
the status page; as a label it would make a new series at each change. With any other result the
check has no status, and its collector fails. For users: docs/checks.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.user_sql import Reader, requirements, user_collector
from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.checks import CheckSection
from pg_migration_exporter.errors import UnfitAnswerError
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.rows import Rows

#: Begins the name of the collector of each check.
PREFIX = "check_"
#: Characters of a reason, at most.
_MAX_REASON = 500

STATUS = Family(
    "migration_check_status",
    "gauge",
    "1 if the check passes, 0 if it fails; absent while it gives no answer.",
    ("datname", "check", "phase", "severity"),
)
INFO = Family(
    "migration_check_info",
    "gauge",
    "1 for each check that should run on this server, with the collector that runs it.",
    ("check", "phase", "severity", "collector"),
)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Whether a check passes, and the reason that its statement returned."""

    passes: bool
    reason: str | None = None


def collector_of(section: CheckSection) -> str:
    """Return the name of the collector that runs a check."""
    return PREFIX + section.name


def expected_checks(settings: Settings, server: Capabilities) -> list[CheckSection]:
    """Return the checks that are not disabled and whose statements can run on this server."""
    return [
        check
        for check in settings.checks
        if collector_of(check) not in settings.collectors.disabled
        and all(requirement.is_met(server) for requirement in requirements(check))
    ]


async def _publish_expected(context: RunContext[None]) -> None:
    for check in expected_checks(context.settings, context.capabilities):
        labels = (check.name, check.phase, check.severity, collector_of(check))
        context.add(INFO, 1, *labels)


CHECKS: Collector[None] = Collector(
    name="checks",
    help="Checks of a migration by a user's SQL (docs/checks.md); each is run by a collector of "
    "its own, `check_NAME`.",
    sources=("the configuration",),
    families=(STATUS, INFO),
    queries=(),
    level="server",
    collect=_publish_expected,
)


def check_collector(section: CheckSection) -> Collector[Any]:
    """Return the collector of one check."""
    return user_collector(
        section,
        Reader((STATUS,), read_result, partial(_publish, section)),
        name=collector_of(section),
        help_=section.help,
        source=f"the check {section.name} of the configuration",
    )


def read_result(rows: Rows) -> CheckResult:
    """Read the only row of a result. Raises UnfitAnswerError."""
    if len(rows.rows) != 1:
        raise UnfitAnswerError(f"a check returns one row; the statement returned {len(rows.rows)}")
    row = rows.rows[0]
    if len(row) not in (1, 2):
        raise UnfitAnswerError(f"a check returns one or two columns; the statement has {len(row)}")
    passes, reason = row if len(row) > 1 else (*row, None)
    if not isinstance(passes, bool):
        found = "null" if passes is None else type(passes).__name__
        raise UnfitAnswerError(f"the first column must be true or false; it holds {found}")
    if not isinstance(reason, str | None):
        raise UnfitAnswerError(f"the second column must be text; it holds {type(reason).__name__}")
    return CheckResult(passes, reason[:_MAX_REASON] if reason else None)


def _publish(section: CheckSection, context: RunContext[Any], result: CheckResult) -> None:
    datname = context.capabilities.datname
    context.add(STATUS, int(result.passes), datname, section.name, section.phase, section.severity)
