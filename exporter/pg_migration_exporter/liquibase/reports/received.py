"""The reports that have arrived for one target, from directories and from the report table."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from uuid import UUID

from psycopg import errors

from pg_migration_exporter.config import Settings
from pg_migration_exporter.liquibase.reports import table as report_table
from pg_migration_exporter.liquibase.reports.cached_directory import cached_directory
from pg_migration_exporter.liquibase.reports.heartbeats import Heartbeats
from pg_migration_exporter.liquibase.reports.kept_report import keep
from pg_migration_exporter.liquibase.reports.report import Report, latest_report
from pg_migration_exporter.liquibase.reports.reported_run import reported_run
from pg_migration_exporter.liquibase.run_query import RunQuery
from pg_migration_exporter.liquibase.state.evidence import ReportedRun

log = logging.getLogger(__name__)

#: The table does not exist yet, is not granted, is locked, or was replaced: there are no new
#: reports.
_NO_TABLE = (
    errors.UndefinedTable,
    errors.InsufficientPrivilege,
    errors.InvalidSchemaName,
    errors.LockNotAvailable,
    errors.DivisionByZero,
)

#: Reports of the table that are kept, and reports of one history that are considered.
_MAX_REPORTS = 100


@dataclass(slots=True)
class ReceivedReports:
    """The reports of one target; `left_out` are beyond `limits.reports`."""

    settings: Settings
    left_out: int = 0
    _from_directories: Sequence[Report] = ()
    _from_table: dict[UUID, Report] = field(default_factory=dict)
    _table_read_until: float = 0.0
    _heartbeats: Heartbeats = field(default_factory=Heartbeats)
    #: Why the report table is not read, None if it is.
    refused: str | None = None
    _runs: dict[UUID, tuple[Report, ReportedRun]] = field(default_factory=dict)

    async def refresh(self, query: RunQuery) -> None:
        """Read the reports that have arrived since the last call."""
        if self.settings.report_directories:
            self._from_directories = await asyncio.to_thread(self._read_directories)
        if self.settings.reports.table:
            await self._read_table(query)
        self._heartbeats.record(self._all(), time.time())
        current = {report.run_id for report in self._all()}
        self._runs = {known: run for known, run in self._runs.items() if known in current}

    def latest(self, database: str, changelog: str) -> ReportedRun | None:
        """Return the last migration of a history (schema.table), as it was reported."""
        here = self._from_here(database, changelog)
        latest = latest_report(here)
        if latest is None:
            return None
        return reported_run(
            latest, under_way=any(self._heartbeats.is_under_way(report) for report in here)
        )

    def ended(self, database: str, changelog: str) -> list[ReportedRun]:
        """Return the migrations of a history that were reported as ended, by receipt of the end.

        Only the latest are returned.
        """
        here = self._from_here(database, changelog)
        ended = sorted((report for report in here if report.ended), key=lambda run: run.order)
        return [self._ended_run(report) for report in ended[-_MAX_REPORTS:]]

    def other_servers(self, database: str, changelog: str) -> tuple[str, ...]:
        """Return the servers of the latest report about another server's history of that name."""
        servers = self.settings.liquibase.servers
        if not servers:
            return ()
        reports = self._of_history(database, changelog)
        latest = latest_report(report for report in reports if not report.is_from(servers))
        return latest.target.servers if latest else ()

    def _ended_run(self, report: Report) -> ReportedRun:
        """Convert a report once."""
        known = self._runs.get(report.run_id)
        if known is not None and known[0] is report:
            return known[1]
        run = reported_run(report, was_there=self._heartbeats.was_ended_at_first(report))
        self._runs[report.run_id] = (report, run)
        return run

    def _from_here(self, database: str, changelog: str) -> list[Report]:
        """Return one report for each run, which may have arrived in two ways."""
        servers = self.settings.liquibase.servers
        reports: dict[UUID, Report] = {}
        for report in self._of_history(database, changelog):
            known = reports.get(report.run_id)
            if report.is_from(servers) and (known is None or report.is_newer(known)):
                reports[report.run_id] = report
        return [*reports.values()]

    def _of_history(self, database: str, changelog: str) -> list[Report]:
        """Return the reports about histories of that name, on any server."""
        return [report for report in self._all() if report.is_about(database, changelog)]

    def _all(self) -> Iterable[Report]:
        return chain(self._from_table.values(), self._from_directories)

    def _read_directories(self) -> list[Report]:
        directories = map(cached_directory, self.settings.report_directories)
        found = [report for directory in directories for report in directory.reports()]
        limit = self.settings.limits.reports
        self.left_out = max(len(found) - limit, 0)
        return found[:limit]

    def _record_refused(self, why: str | None) -> None:
        """Log that the table is not read, once for each reason."""
        if why is not None and why != self.refused:
            log.warning("table %s is not read: it %s", report_table.TABLE, why)
        self.refused = why

    async def _read_table(self, query: RunQuery) -> None:
        with contextlib.suppress(*_NO_TABLE):
            trusted_owners = self.settings.liquibase.trusted_owners
            table = report_table.find_table(await query(report_table.FIND), trusted_owners)
            self._record_refused(table.refusal if table else None)
            if table is None or table.refusal:
                return
            since = repr(self._table_read_until)
            answer = await query(report_table.READ, since, table=table.guarded)
            for report in report_table.read_reports(answer):
                self._from_table[report.run_id] = keep(report)
            reports = sorted(self._from_table.values(), key=lambda report: report.started)
            self._from_table = {report.run_id: report for report in reports[-_MAX_REPORTS:]}
            updated = answer.by_column().get("updated", ())
            self._table_read_until = max([self._table_read_until, *updated])
