"""Reports in a directory: one JSON file for each run, replaced as a whole.

The wrapper and the exporter may share the directory, and the exporter keeps there what it is sent.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from pg_migration_exporter.liquibase.reports.report import MAX_BYTES, Report, parse_report

_KEPT = 1000
_SUFFIX = ".json"

#: What is another one when a file was replaced: its inode, its time of change, its size.
Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """The reports in `directory`; it is made with the first one."""

    directory: Path

    def save(self, report: Report) -> None:
        """Write durably and atomically, and remove all but the latest reports. Raises OSError."""
        self.directory.mkdir(parents=True, exist_ok=True)
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
            for old, _ in self._files()[_KEPT:]:
                old.unlink(missing_ok=True)

    def find(self, report: Report) -> Report | None:
        """What is saved of the same run."""
        return read_report(self._file(report))

    def read(self) -> list[Report]:
        """All reports, the latest run first; files that are none are left out. Raises OSError."""
        reports = (read_report(file) for file in self.stamps())
        found = [report for report in reports if report is not None]
        return sorted(found, key=lambda report: report.started, reverse=True)

    def stamps(self) -> dict[Path, Stamp]:
        """The files that may hold a report, the latest change first. Raises OSError."""
        return dict(self._files()[:_KEPT])

    def _file(self, report: Report) -> Path:
        return self.directory / f"{report.run_id}{_SUFFIX}"

    def _files(self) -> list[tuple[Path, Stamp]]:
        """The files, the latest change first."""
        found = list[tuple[Path, Stamp]]()
        with os.scandir(self.directory) as entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX):
                    with contextlib.suppress(FileNotFoundError):
                        now = entry.stat(follow_symlinks=False)
                        stamp = now.st_ino, now.st_mtime_ns, now.st_size
                        found.append((Path(entry.path), stamp))
        return sorted(found, key=lambda one: (one[1][1], one[0]), reverse=True)


def read_report(file: Path) -> Report | None:
    """A report; None where there is none. Never follows a link, never waits for a pipe."""
    try:
        with io.FileIO(file, opener=_open) as opened:
            if stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                return parse_report(opened.read(MAX_BYTES + 1))
    except (OSError, ValueError):
        pass
    return None


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
