"""The reports that have arrived for one target, from directories and from the report table."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from uuid import UUID

from psycopg import errors

from pg_migration_exporter.config import Settings
from pg_migration_exporter.liquibase.reports import table as report_table
from pg_migration_exporter.liquibase.reports.cached_directory import cached_directory
from pg_migration_exporter.liquibase.reports.report import Failure, Outcome, Report, latest_report
from pg_migration_exporter.liquibase.run_query import RunQuery
from pg_migration_exporter.liquibase.state.evidence import ReportedRun

#: The table does not exist yet, is not granted, or is locked: there are no new reports.
_NO_TABLE = (
    errors.UndefinedTable,
    errors.InsufficientPrivilege,
    errors.InvalidSchemaName,
    errors.LockNotAvailable,
)

#: Reports of the table that are kept; only the latest of each history counts.
_MAX_FROM_TABLE = 100


@dataclass(slots=True)
class ReceivedReports:
    """The reports of one target."""

    settings: Settings
    _from_directories: Sequence[Report] = ()
    _from_table: dict[UUID, Report] = field(default_factory=dict)
    _table_read_until: float = 0.0

    async def refresh(self, query: RunQuery) -> None:
        """Read the reports that have arrived since the last call."""
        if self.settings.report_directories:
            self._from_directories = await asyncio.to_thread(self._read_directories)
        if self.settings.reports.table:
            await self._read_table(query)

    def latest(self, database: str, changelog: str) -> ReportedRun | None:
        """Return the last migration of a history (schema.table), as it was reported."""
        reports = self._of_history(database, changelog)
        servers = self.settings.liquibase.servers
        here = [report for report in reports if report.is_from(servers)]
        latest = latest_report(here)
        if latest is None:
            return None
        now = time.time()
        return _reported_run(latest, under_way=any(report.is_under_way(now) for report in here))

    def other_servers(self, database: str, changelog: str) -> tuple[str, ...]:
        """Return the servers of the latest report about another server's history of that name."""
        servers = self.settings.liquibase.servers
        if not servers:
            return ()
        reports = self._of_history(database, changelog)
        latest = latest_report(report for report in reports if not report.is_from(servers))
        return latest.target.servers if latest else ()

    def _of_history(self, database: str, changelog: str) -> list[Report]:
        """Return the reports about histories of that name, on any server."""
        reports = chain(self._from_table.values(), self._from_directories)
        return [report for report in reports if report.is_about(database, changelog)]

    def _read_directories(self) -> list[Report]:
        directories = map(cached_directory, self.settings.report_directories)
        return [report for directory in directories for report in directory.reports()]

    async def _read_table(self, query: RunQuery) -> None:
        with contextlib.suppress(*_NO_TABLE):
            answer = await query(report_table.READ, repr(self._table_read_until))
            for report in report_table.read_reports(answer):
                self._from_table[report.run_id] = report
            reports = sorted(self._from_table.values(), key=lambda report: report.started)
            self._from_table = {report.run_id: report for report in reports[-_MAX_FROM_TABLE:]}
            updated = answer.by_column().get("updated", ())
            self._table_read_until = max([self._table_read_until, *updated])


def _reported_run(report: Report, *, under_way: bool) -> ReportedRun:
    failed = report.outcome in (Outcome.FAILED, Outcome.KILLED)
    reason = "it was ended by a signal" if report.outcome is Outcome.KILLED else ""
    failure = report.failure or Failure(reason=reason)
    return ReportedRun(failed, report.ended, failure.changeset, failure.reason, under_way)
