"""A report directory that is read by all targets of the process: each file is read once."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pg_migration_exporter.liquibase.reports.directory import (
    FileStamp,
    ReportDirectory,
    read_report,
)
from pg_migration_exporter.liquibase.reports.kept_report import keep
from pg_migration_exporter.liquibase.reports.report import Report

#: Nanoseconds: two changes close to each other may leave a directory with the same mtime.
_COARSEST_CLOCK = 2_000_000_000


@dataclass(frozen=True, slots=True)
class _CachedFile:
    stamp: FileStamp
    report: Report | None


@dataclass(slots=True)
class CachedReportDirectory:
    """The reports of one directory, the latest first; `reports` may be called from any thread."""

    directory: ReportDirectory
    _settled: int | None = None
    _files: dict[Path, _CachedFile] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reports(self) -> Iterable[Report]:
        """Return all current reports; none if the directory cannot be read."""
        with self._lock:
            try:
                self._refresh()
            except OSError:
                self._settled, self._files = None, {}
            return [file.report for file in self._files.values() if file.report is not None]

    def _refresh(self) -> None:
        """Read new files: reports are replaced, not edited."""
        changed = self.directory.path.stat().st_mtime_ns
        if changed == self._settled:
            return
        stamps = self.directory.stamps()
        self._files = {file: self._read(file, stamp) for file, stamp in stamps.items()}
        self._settled = changed if time.time_ns() - changed > _COARSEST_CLOCK else None

    def _read(self, file: Path, stamp: FileStamp) -> _CachedFile:
        known = self._files.get(file)
        if known is not None and known.stamp == stamp:
            return known
        report = read_report(file)
        return _CachedFile(
            stamp, keep(report.received_at(stamp.received)) if report is not None else None
        )


@functools.cache
def cached_directory(path: Path) -> CachedReportDirectory:
    """Return the only instance for a directory."""
    return CachedReportDirectory(ReportDirectory(path))
