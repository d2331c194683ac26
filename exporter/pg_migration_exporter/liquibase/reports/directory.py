"""A directory of reports: one JSON file for each run, replaced as a whole.

The wrapper and the exporter may share the directory; the exporter also stores reports there that
arrive over HTTP.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pg_migration_exporter.liquibase.reports.report import MAX_BYTES, Report, parse_report

_MAX_REPORTS = 1000
_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class FileStamp:
    """Identifies the contents of a file; `modified` in nanoseconds, `size` in bytes."""

    inode: int
    modified: int
    size: int

    @property
    def received(self) -> float:
        """When the report was received, in seconds since the epoch: not in the future."""
        return min(self.modified / 1e9, time.time())


@dataclass(frozen=True, slots=True)
class ReportDirectory:
    """The reports in the directory `path`, which the first report creates."""

    path: Path

    def save(self, report: Report) -> None:
        """Save durably and atomically, and remove all but the latest reports. Raises OSError."""
        self.path.mkdir(parents=True, exist_ok=True)
        file = self._file(report)
        is_new = not file.exists()
        unfinished = file.with_suffix(f".{os.getpid()}.tmp")
        try:
            with unfinished.open("w", encoding="utf-8") as output:
                output.write(report.model_dump_json())
                output.flush()
                os.fsync(output.fileno())
            unfinished.replace(file)
        except OSError:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise
        if is_new:
            for old in [*self._stamps()][_MAX_REPORTS:]:
                with contextlib.suppress(OSError):  # it is another's
                    old.unlink()

    def find(self, report: Report) -> Report | None:
        """Return the saved report of the same run, as received when it was saved."""
        file = self._file(report)
        with contextlib.suppress(FileNotFoundError):
            saved, received = read_report(file), min(file.stat().st_mtime, time.time())
            return saved and saved.received_at(received)
        return None

    def read(self) -> list[Report]:
        """Return all reports, the latest run first; other files are skipped. Raises OSError."""
        reports = (read_report(file) for file in self.stamps())
        found = [report for report in reports if report is not None]
        return sorted(found, key=lambda report: report.started, reverse=True)

    def stamps(self) -> dict[Path, FileStamp]:
        """Return the files that may hold a report, the latest change first. Raises OSError."""
        return dict(islice(self._stamps().items(), _MAX_REPORTS))

    def _file(self, report: Report) -> Path:
        return self.path / f"{report.run_id}{_SUFFIX}"

    def _stamps(self) -> dict[Path, FileStamp]:
        """Return the files, the latest change first."""
        stamps = dict[Path, FileStamp]()
        with os.scandir(self.path) as entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX):
                    with contextlib.suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(status.st_mode):
                            stamps[Path(entry.path)] = FileStamp(
                                status.st_ino, status.st_mtime_ns, status.st_size
                            )
        newest_first = sorted(stamps, key=lambda file: (stamps[file].modified, file), reverse=True)
        return {file: stamps[file] for file in newest_first}


def read_report(file: Path) -> Report | None:
    """Return the report in a file, or None. Never follows a link, never waits for a pipe."""
    try:
        with io.FileIO(file, opener=_open) as opened:
            if stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                return parse_report(opened.read(MAX_BYTES + 1))
    except (OSError, ValueError):
        pass
    return None


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
