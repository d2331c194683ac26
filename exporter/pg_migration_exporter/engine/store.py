"""The watcher's durable memory: one small SQLite file in the state directory.

The memory of a collector for a target is stored as JSON. Where the file cannot be read or written,
a restart loses the memory; that is logged, and the exporter goes on.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

log = logging.getLogger(__name__)

#: What reading a state raises that nobody of ours has written.
_UNFIT = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

_FILE = "state.sqlite"
#: synchronous = NORMAL: a commit that a power failure loses is not worth blocking the event loop.
_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS memory (
    target TEXT NOT NULL, collector TEXT NOT NULL, state TEXT NOT NULL,
    PRIMARY KEY (target, collector)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY, target TEXT NOT NULL, collector TEXT NOT NULL,
    subject TEXT NOT NULL
);
"""


@runtime_checkable
class Durable(Protocol):
    """A collector's memory that outlives the process. States are JSON objects."""

    def dump(self) -> dict[str, Any]:
        """Return everything that must outlive the process."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `dump` returned; if it is not, raise an error and keep what there was."""


@runtime_checkable
class AcceptsCommands(Protocol):
    """A collector's memory that accepts commands, such as an acknowledgment."""

    def handle_command(self, command: str) -> None:
        """Carry out the command; ignore one that does not apply."""


class Store:
    """The stored memories of one target; without a `directory`, nothing is stored."""

    def __init__(self, directory: Path | None, target: str) -> None:
        self._file = directory / _FILE if directory else None
        self._target = target
        self._stored: dict[str, str] = {}
        self.works = True

    def restore(self, memories: Mapping[str, Any]) -> None:
        """Restore the durable ones among `memories` (by collector)."""
        stored = self._query("SELECT collector, state FROM memory WHERE target = ?", self._target)
        for collector, state in stored:
            memory = memories.get(collector)
            if isinstance(memory, Durable):
                try:
                    memory.restore(json.loads(state))
                except _UNFIT as error:
                    log.warning("state of %s in %s is ignored: %r", collector, self._file, error)

    def save(self, memories: Mapping[str, Any]) -> None:
        """Store the durable memories that changed since the last time."""
        states = {
            collector: json.dumps(memory.dump(), sort_keys=True)
            for collector, memory in memories.items()
            if isinstance(memory, Durable)
        }
        changed = {name: state for name, state in states.items() if self._stored.get(name) != state}
        rows = [(self._target, name, state) for name, state in changed.items()]
        if rows and self._write("INSERT OR REPLACE INTO memory VALUES (?, ?, ?)", rows):
            self._stored |= changed

    def leave_command(self, collector: str, subject: str) -> bool:
        """Queue a command for the exporter that watches this target; False on failure."""
        values = (self._target, collector, subject)
        return self._write(
            "INSERT INTO orders (target, collector, subject) VALUES (?, ?, ?)", [values]
        )

    def deliver_commands(self, memories: Mapping[str, Any]) -> None:
        """Pass the queued commands on to the memories."""
        for number, collector, subject in self._query(
            "SELECT number, collector, subject FROM orders WHERE target = ?", self._target
        ):
            memory = memories.get(collector)
            if isinstance(memory, AcceptsCommands):
                memory.handle_command(subject)
            self._write("DELETE FROM orders WHERE number = ?", [(number,)])

    def _query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        if self._file is None:
            return []
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as database:
                return database.execute(sql, parameters).fetchall()
        except (sqlite3.Error, OSError) as error:
            self._fail(error)
            return []

    def _write(self, sql: str, rows: Iterable[tuple[object, ...]]) -> bool:
        if self._file is None:
            return False
        try:
            with closing(self._connect()) as database, database:
                database.executemany(sql, rows)
        except (sqlite3.Error, OSError) as error:
            self._fail(error)
            return False
        if not self.works:
            log.info("state is stored in %s again", self._file)
        self.works = True
        return True

    def _connect(self) -> sqlite3.Connection:
        assert self._file is not None
        database = sqlite3.connect(self._file, timeout=0.2)
        database.executescript(_SCHEMA)
        return database

    def _fail(self, error: Exception) -> None:
        if self.works:
            log.warning(
                "state cannot be stored in %s: %s; a restart will lose it: "
                "make room there, or make it writable",
                self._file,
                error,
            )
        self.works = False
