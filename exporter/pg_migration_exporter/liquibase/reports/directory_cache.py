"""Reports in a directory, each file read once: for all targets of the process together."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pg_migration_exporter.liquibase.reports.directory import ReportFiles, Stamp, read_report
from pg_migration_exporter.liquibase.reports.report import Report

#: Nanoseconds: two changes that close may leave a directory with the same time of change.
_COARSEST_CLOCK = 2_000_000_000


@dataclass(slots=True)
class ReportCache:
    """The reports of one directory; `reports` may be called from any thread."""

    files: ReportFiles
    _settled: int | None = None
    _known: dict[Path, tuple[Stamp, Report | None]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reports(self) -> Iterable[Report]:
        """All that are there now; none where the directory cannot be read."""
        with self._lock:
            try:
                self._refresh()
            except OSError:
                self._settled, self._known = None, {}
            return [report for _, report in self._known.values() if report is not None]

    def _refresh(self) -> None:
        """Read the files that are new: reports are replaced, not edited."""
        changed = self.files.directory.stat().st_mtime_ns
        if changed == self._settled:
            return
        stamps = self.files.stamps()
        self._known = {file: self._read(file, stamp) for file, stamp in stamps.items()}
        self._settled = changed if time.time_ns() - changed > _COARSEST_CLOCK else None

    def _read(self, file: Path, stamp: Stamp) -> tuple[Stamp, Report | None]:
        known = self._known.get(file)
        return known if known is not None and known[0] == stamp else (stamp, read_report(file))


@functools.cache
def cached_reports(directory: Path) -> ReportCache:
    """The only one for a directory."""
    return ReportCache(ReportFiles(directory))
