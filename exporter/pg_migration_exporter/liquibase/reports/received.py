"""What wrapped runs reported, from the directories and the table where reports arrive."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol
from uuid import UUID

from psycopg import errors

from pg_migration_exporter.config import Settings
from pg_migration_exporter.liquibase.reports import table as report_table
from pg_migration_exporter.liquibase.reports.directory_cache import cached_reports
from pg_migration_exporter.liquibase.reports.report import Failure, Outcome, Report, latest_report
from pg_migration_exporter.liquibase.state.evidence import Reported
from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows

#: The table is not there yet, or not granted, or held by somebody: then it tells nothing.
_NO_TABLE = (
    errors.UndefinedTable,
    errors.InsufficientPrivilege,
    errors.InvalidSchemaName,
    errors.LockNotAvailable,
)

#: ReceivedReports of the table that are kept; only the last one of each history counts.
_KEPT = 100


class RunQuery(Protocol):
    """How to run a query: `collectors.base.Scope.query`."""

    def __call__(self, query: Query, *parameters: str, **names: str) -> Coroutine[Any, Any, Rows]:
        """Run `query` with parameters for $1, ... and quoted names for its placeholders."""


@dataclass(slots=True)
class ReceivedReports:
    """The reports that have arrived for one target."""

    settings: Settings
    _filed: Sequence[Report] = ()
    _tabled: dict[UUID, Report] = field(default_factory=dict)
    _tabled_until: float = 0.0

    async def refresh(self, ask: RunQuery) -> None:
        """Read what has arrived since the last time."""
        if self.settings.report_directories:
            self._filed = await asyncio.to_thread(self._read_directories)
        if self.settings.reports.table:
            await self._read_table(ask)

    def latest(self, database: str, changelog: str) -> Reported | None:
        """The last migration of a history (schema.table), as it was reported."""
        here, _ = self._of_history(database, changelog)
        found = latest_report(here)
        if found is None:
            return None
        now = time.time()
        return _reported(found, under_way=any(one.is_under_way(now) for one in here))

    def elsewhere(self, database: str, changelog: str) -> tuple[str, ...]:
        """Servers of reports that are of a history with that name, and not taken for this one."""
        if not self.settings.liquibase.servers:
            return ()
        _, elsewhere = self._of_history(database, changelog)
        found = latest_report(elsewhere)
        return found.target.servers if found else ()

    def _of_history(self, database: str, changelog: str) -> tuple[list[Report], list[Report]]:
        """ReceivedReports of a history with that name: of this target, and of other servers."""
        servers = self.settings.liquibase.servers
        here, elsewhere = list[Report](), list[Report]()
        for report in chain(self._tabled.values(), self._filed):
            if report.is_about(database, changelog):
                (here if report.is_from(servers) else elsewhere).append(report)
        return here, elsewhere

    def _read_directories(self) -> list[Report]:
        directories = self.settings.report_directories
        return [one for directory in directories for one in cached_reports(directory).reports()]

    async def _read_table(self, ask: RunQuery) -> None:
        with contextlib.suppress(*_NO_TABLE):
            answer = await ask(report_table.READ, repr(self._tabled_until))
            for report in report_table.read_reports(answer):
                self._tabled[report.run_id] = report
            latest = sorted(self._tabled.values(), key=lambda one: one.started)[-_KEPT:]
            self._tabled = {one.run_id: one for one in latest}
            times = [row[0] for row in answer.rows]
            self._tabled_until = max([self._tabled_until, *times])


def _reported(report: Report, *, under_way: bool) -> Reported:
    failed = report.outcome in (Outcome.FAILED, Outcome.KILLED)
    reason = "it was ended by a signal" if report.outcome is Outcome.KILLED else ""
    failure = report.failure or Failure(reason=reason)
    return Reported(failed, report.ended, failure.changeset, failure.reason, under_way)
