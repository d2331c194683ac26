"""The errors of the log that have arrived for one database of a target."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from pg_migration_exporter.liquibase.logs.log_error import LogError

#: The latest errors are stored, of at most about 2 kB each.
MAX_ERRORS = 500


@dataclass(slots=True)
class ReceivedErrors:
    """The latest errors, in memory only."""

    #: How many have ever arrived.
    received: int = 0
    #: How many had arrived at the latest poll.
    polled: int = 0
    _errors: deque[LogError] = field(default_factory=lambda: deque(maxlen=MAX_ERRORS))

    @property
    def is_poll_due(self) -> bool:
        """Whether errors have arrived since the latest poll."""
        return self.received > self.polled

    def add(self, errors: Iterable[LogError]) -> None:
        """Store errors; the oldest make room."""
        for error in errors:
            self._errors.append(error)
            self.received += 1

    def between(self, database: str, first: float, last: float) -> list[LogError]:
        """Return the errors of a database in this time, the latest first."""
        found = (
            error
            for error in self._errors
            if error.database == database and first <= error.time <= last
        )
        return sorted(found, key=lambda error: error.time, reverse=True)
