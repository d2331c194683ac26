"""Which reported runs are under way, by the exporter's own clock: a wrapper's may be wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from pg_migration_exporter.liquibase.reports.report import HEARTBEAT_INTERVAL, Report

#: Seconds without a new report after which a run is no longer under way.
_ABANDONED_AFTER = 4 * HEARTBEAT_INTERVAL
#: Seconds by which the clock of a wrapper may be behind: a run that it reports as older has not
#: just been reported.
_CLOCK_BEHIND = 900.0


@dataclass(frozen=True, slots=True)
class _Heartbeat:
    """The latest report of a run that has not ended; `read_at` is on the monotonic clock."""

    updated: float
    read_at: float


@dataclass(slots=True)
class Heartbeats:
    """The reports of runs that have not ended, and those that had before the first read."""

    clock: Callable[[], float] = time.monotonic
    _running: dict[UUID, _Heartbeat] = field(default_factory=dict)
    _ended_at_first: frozenset[UUID] | None = None

    def record(self, reports: Iterable[Report], now: float) -> None:
        """Record all current reports."""
        reports = list(reports)
        is_first = self._ended_at_first is None
        if self._ended_at_first is None:
            self._ended_at_first = frozenset(r.run_id for r in reports if r.ended is not None)
        current: dict[UUID, _Heartbeat] = {}
        for report in reports:
            if report.ended is None:
                known = self._running.get(report.run_id)
                if known is None or known.updated != report.updated:
                    known = self._heartbeat(report, now, is_old=known is None and is_first)
                current[report.run_id] = known
        self._running = current

    def is_under_way(self, report: Report) -> bool:
        """False after the end, or if the wrapper has not reported for a minute."""
        heartbeat = self._running.get(report.run_id)
        if report.ended is not None or heartbeat is None:
            return False
        return self.clock() - heartbeat.read_at <= _ABANDONED_AFTER

    def was_ended_at_first(self, report: Report) -> bool:
        """Whether the run had ended before this process first read reports."""
        return self._ended_at_first is not None and report.run_id in self._ended_at_first

    def _heartbeat(self, report: Report, now: float, *, is_old: bool) -> _Heartbeat:
        """Return the heartbeat of a new report; a report may be older than this process."""
        age = max(now - report.updated, 0.0)
        counts = is_old or age > _CLOCK_BEHIND
        return _Heartbeat(report.updated, self.clock() - (age if counts else 0.0))
