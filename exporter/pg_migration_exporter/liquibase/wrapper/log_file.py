"""Liquibase's log file: its path, the settings that make Liquibase write it, and its new content.

Liquibase writes it in blocks of 8 KiB and flushes it at the end (java.util.logging's
StreamHandler): it is complete, but late. With a log file, Liquibase logs nothing to standard error.
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
#: Bytes that are read at a time.
_BLOCK = 4 << 20
#: Liquibase prints this name as the location of its log.
_OWN_NAME = "removed-after-the-run.log"


@dataclass(slots=True)
class LogFile:
    """A log to read. `environment` makes Liquibase write it; `limitation` goes into the report."""

    path: Path | None
    environment: Mapping[str, str] = field(default_factory=dict)
    limitation: str = ""
    own_folder: Path | None = None
    _offset: int = 0

    def __post_init__(self) -> None:
        """Skip existing content, which is not from this run: Liquibase appends."""
        if self.path is not None and self.path.is_file():
            self._offset = self.path.stat().st_size

    def read(self) -> bytes:
        """Return a block of what was written since the last call; b"" if there is no more."""
        if self.path is None or not self.path.is_file():
            return b""
        try:
            with self.path.open("rb") as log:
                log.seek(self._offset)
                content = log.read(_BLOCK)
        except OSError as error:
            self.limitation = f"no details: the log file cannot be read: {error.strerror}"
            return b""
        self._offset += len(content)
        return content

    def remove(self) -> None:
        """Remove the file, unless the user set it."""
        if self.own_folder is not None:
            shutil.rmtree(self.own_folder, ignore_errors=True)


def choose_log(options: LiquibaseOptions) -> LogFile:
    """Return the log file that the user set, or a temporary one. Raises OSError.

    The user's settings are not changed.
    """
    file, level = options.find("log-file"), options.find("log-level")
    if file is not None:
        environment = {} if level else {_LEVEL: "INFO"}
        return LogFile(Path(file), environment, _limitation(file, level))
    if level is not None:
        # With a log file, the log would no longer go to standard error, where the user wants it.
        return LogFile(
            None,
            limitation="no details: a log level is set and no log file; set LIQUIBASE_LOG_FILE too",
        )
    if options.unread:
        # It may set a log file, which one of ours would replace.
        return LogFile(
            None,
            limitation=f"no details: {options.unread}; set the options in the environment, or "
            f"{_FILE}",
        )
    return _own_log()


def _limitation(file: str, level: str | None) -> str:
    if file.endswith(".gz") or "://" in file:
        return f"no details: the log file {file} cannot be read by the wrapper"
    if level is not None and level.upper() not in _DETAILED:
        return f"few details: the log level is {level}; INFO logs every changeset"
    return ""


def _own_log() -> LogFile:
    """Return a file that only this user can read, but that Liquibase can write as any user."""
    folder = Path(tempfile.mkdtemp(prefix="pg-migration-exporter-"))
    folder.chmod(0o711)
    path = folder / _OWN_NAME
    path.touch()
    path.chmod(0o622)
    return LogFile(path, {_FILE: os.fspath(path), _LEVEL: "INFO"}, own_folder=folder)
