"""The durations of all statements, from the server's log (log_min_duration_statement = 0)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

_DURATION = re.compile(r"duration: (\d+\.\d+) ms  (?:statement|execute [^:]*): ")

#: Settings with which the server logs every statement, as JSON (PostgreSQL 15 and newer).
SETTINGS = {
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_directory": "log",
    "log_filename": "server.log",
    "log_rotation_size": "0",
    "log_min_duration_statement": "0",
}


class StatementLog:
    """The log of a server with the data directory `data`."""

    def __init__(self, data: Path) -> None:
        self._file = data / "log" / "server.json"
        self._position = 0

    def durations(self, application_name: str) -> Iterator[float]:
        """Yield the seconds of each statement of an application that was not read before."""
        with self._file.open("rb") as file:
            file.seek(self._position)
            for line in file:
                self._position += len(line)
                entry = json.loads(line)
                match = _DURATION.match(entry.get("message", ""))
                if match and entry.get("application_name") == application_name:
                    yield float(match[1]) / 1000
