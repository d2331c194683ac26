"""Liquibase's log file: which one it is, what Liquibase must be told, and reading on in it.

Liquibase writes it in blocks of 8 KiB and flushes it when it ends (java.util.logging's
StreamHandler): it tells everything, but late. With a log file, nothing of the log goes to standard
error.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pg_migration_exporter.liquibase.wrapper.options import LiquibaseOptions

_FILE = "LIQUIBASE_LOG_FILE"
_LEVEL = "LIQUIBASE_LOG_LEVEL"
_DETAILED = {"INFO", "CONFIG", "FINE", "FINER", "FINEST", "DEBUG", "ALL"}
#: Liquibase itself prints this name as where the log is.
_OWN_NAME = "removed-after-the-run.log"


@dataclass(slots=True)
class LogFile:
    """A log to read. `environment` makes Liquibase write it; `limitation` is the report's."""

    path: Path | None
    environment: Mapping[str, str] = field(default_factory=dict)
    limitation: str = ""
    own_folder: Path | None = None
    _offset: int = 0

    def __post_init__(self) -> None:
        """Liquibase appends: what is there already is not of this run."""
        if self.path is not None and self.path.is_file():
            self._offset = self.path.stat().st_size

    def read(self) -> bytes:
        """What has been written since the last time; b"" while there is no file."""
        if self.path is None or not self.path.is_file():
            return b""
        try:
            with self.path.open("rb") as log:
                log.seek(self._offset)
                content = log.read()
        except OSError as error:
            self.limitation = f"no details: the log file cannot be read: {error.strerror}"
            return b""
        self._offset += len(content)
        return content

    def remove(self) -> None:
        """Remove the file if it is our own."""
        if self.own_folder is not None:
            shutil.rmtree(self.own_folder, ignore_errors=True)


def choose_log(given: LiquibaseOptions) -> LogFile:
    """The log file that the user set, or one of our own. Raises OSError if that cannot be made.

    What the user set stays as it is.
    """
    file, level = given.find("log-file"), given.find("log-level")
    if file is not None:
        environment = {} if level else {_LEVEL: "INFO"}
        return LogFile(Path(file), environment, _limitation(file, level))
    if level is not None:
        # A log file would take the log away from standard error, where the user wants it.
        return LogFile(
            None,
            limitation="no details: a log level is set and no log file; set LIQUIBASE_LOG_FILE too",
        )
    return _own_log()


def _limitation(file: str, level: str | None) -> str:
    if file.endswith(".gz") or "://" in file:
        return f"no details: the log file {file} is none that can be read here"
    if level is not None and level.upper() not in _DETAILED:
        return f"few details: the log level is {level}; INFO tells of every changeset"
    return ""


def _own_log() -> LogFile:
    """A file that only we can read, and that Liquibase can write even as another user."""
    folder = Path(tempfile.mkdtemp(prefix="pg-migration-exporter-"))
    folder.chmod(0o711)
    path = folder / _OWN_NAME
    path.touch()
    path.chmod(0o622)
    return LogFile(path, {_FILE: os.fspath(path), _LEVEL: "INFO"}, own_folder=folder)
