"""The watcher's durable memory: one small SQLite file in the state directory.

What a collector remembers of a target is stored as JSON. A store that cannot be read or written
costs the memory over a restart, never the service: it says so and the exporter goes on.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

log = logging.getLogger(__name__)

_FILE = "state.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS memory (
    target TEXT NOT NULL, collector TEXT NOT NULL, state TEXT NOT NULL,
    PRIMARY KEY (target, collector)
) WITHOUT ROWID
"""


@runtime_checkable
class Durable(Protocol):
    """A collector's memory that outlives the process. States are JSON objects."""

    def dump(self) -> dict[str, Any]:
        """Everything that must not be forgotten."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `dump` returned. Raises KeyError, TypeError or ValueError for nonsense."""


class Store:
    """Memories of one target; a `directory` of None keeps nothing."""

    def __init__(self, directory: Path | None, target: str) -> None:
        self._file = directory / _FILE if directory else None
        self._target = target
        self._stored: dict[str, str] = {}
        self.works = True

    def restore(self, memories: Mapping[str, Any]) -> None:
        """Fill the durable ones among `memories` (by collector) with what was stored."""
        for collector, state in self._read().items():
            memory = memories.get(collector)
            if isinstance(memory, Durable):
                try:
                    memory.restore(json.loads(state))
                except (KeyError, TypeError, ValueError) as error:
                    log.warning("state of %s in %s is ignored: %r", collector, self._file, error)

    def save(self, memories: Mapping[str, Any]) -> None:
        """Store the durable memories that changed since the last time."""
        if self._file is None:
            return
        states = {
            collector: json.dumps(memory.dump(), sort_keys=True)
            for collector, memory in memories.items()
            if isinstance(memory, Durable)
        }
        changed = {name: state for name, state in states.items() if self._stored.get(name) != state}
        if changed and self._write(changed):
            self._stored |= changed

    def _read(self) -> dict[str, str]:
        if self._file is None:
            return {}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as database:
                found = database.execute(
                    "SELECT collector, state FROM memory WHERE target = ?", (self._target,)
                )
                return dict(found.fetchall())
        except (sqlite3.Error, OSError) as error:
            self._fail(error)
            return {}

    def _write(self, states: Mapping[str, str]) -> bool:
        try:
            with closing(self._connect()) as database, database:
                database.executemany(
                    "INSERT OR REPLACE INTO memory VALUES (?, ?, ?)",
                    [(self._target, name, state) for name, state in states.items()],
                )
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
        database.execute(_SCHEMA)
        return database

    def _fail(self, error: Exception) -> None:
        if self.works:
            log.warning("state cannot be kept in %s: %s; a restart will forget", self._file, error)
        self.works = False
