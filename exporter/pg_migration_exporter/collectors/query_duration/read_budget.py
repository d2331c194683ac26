"""Reading pg_stat_statements takes time in proportion to its entries: large ones are read less."""

from __future__ import annotations

import time

#: Seconds of the database for one entry, its text left out or read; measured on PostgreSQL 15.
SECONDS_PER_ENTRY, SECONDS_PER_TEXT = 2e-6, 1e-5
#: The same of pg_stat_monitor: its view reads texts too, and each entry has a histogram.
SECONDS_PER_MONITORED_ENTRY = 3e-5
#: Of the database's time, what looks may take together, and glimpses.
MAX_SHARE = 0.001
_LONGEST_PAUSE = 60.0


class ReadBudget:
    """When it is time to read again: after `pause` seconds, or later where it costs more."""

    def __init__(self, pause: float, cost: float) -> None:
        self._pause, self._cost = pause, cost
        self._due = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self._due

    def spend(self, entries: int) -> None:
        """So many entries are read now."""
        pause = min(entries * self._cost / MAX_SHARE, _LONGEST_PAUSE)
        self._due = time.monotonic() + max(self._pause, pause)
