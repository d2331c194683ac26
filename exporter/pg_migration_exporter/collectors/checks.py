"""Checks: what must hold before, during or after a migration, asked by a user's SQL.

A statement gives one row: whether the check passes, and, if it likes, a text that says why. The
text is for the status page; a label it would be a new series at each change. Anything else is no
answer: the check has no status then, and its collector has failed. docs/checks.md tells users.
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

#: Stands before each name of a check among the names of the collectors.
PREFIX = "check_"
#: Characters of a reason that are kept.
_LONGEST_REASON = 500

STATUS = Family(
    "migration_check_status",
    "gauge",
    "1 if the check passes, 0 if it fails; absent while it gives no answer.",
    ("datname", "check", "phase", "severity"),
)
INFO = Family(
    "migration_check_info",
    "gauge",
    "1 for each check that this server should answer, with the collector that asks it.",
    ("check", "phase", "severity", "collector"),
)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Whether a check passes, and why in the words of its statement."""

    passes: bool
    reason: str | None = None


def collector_of(section: CheckSection) -> str:
    """The name of the collector that asks a check."""
    return PREFIX + section.name


def expected_checks(settings: Settings, server: Capabilities) -> list[CheckSection]:
    """The checks that are not switched off and whose statements can run on this server."""
    return [
        one
        for one in settings.checks
        if collector_of(one) not in settings.collectors.disabled
        and all(requirement.is_met(server) for requirement in requirements(one))
    ]


async def _publish_expected(context: RunContext[None]) -> None:
    for one in expected_checks(context.settings, context.capabilities):
        context.add(INFO, 1, one.name, one.phase, one.severity, collector_of(one))


CHECKS: Collector[None] = Collector(
    name="checks",
    help="Checks of a migration by a user's SQL (docs/checks.md); each is asked by a collector of "
    "its own, `check_NAME`.",
    sources=("the configuration",),
    families=(STATUS, INFO),
    queries=(),
    level="server",
    collect=_publish_expected,
)


def check_collector(section: CheckSection) -> Collector[Any]:
    """The collector of one check."""
    return user_collector(
        section,
        Reader((STATUS,), read_result, partial(_publish, section)),
        name=collector_of(section),
        help_=section.help,
        source=f"the check {section.name} of the configuration",
    )


def read_result(rows: Rows) -> CheckResult:
    """The only row of an answer. Raises UnfitAnswerError."""
    if len(rows.rows) != 1:
        raise UnfitAnswerError(f"a check gives one row; the statement gave {len(rows.rows)}")
    row = rows.rows[0]
    if len(row) not in (1, 2):
        raise UnfitAnswerError(f"a check gives one or two columns; the statement has {len(row)}")
    passes, reason = row[0], row[1] if len(row) > 1 else None
    if not isinstance(passes, bool):
        found = "null" if passes is None else type(passes).__name__
        raise UnfitAnswerError(f"the first column must be true or false; it holds {found}")
    if not isinstance(reason, str | None):
        raise UnfitAnswerError(f"the second column must be text; it holds {type(reason).__name__}")
    return CheckResult(passes, reason[:_LONGEST_REASON] if reason else None)


def _publish(section: CheckSection, context: RunContext[Any], found: CheckResult) -> None:
    datname = context.capabilities.datname
    context.add(STATUS, int(found.passes), datname, section.name, section.phase, section.severity)
