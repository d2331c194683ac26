"""Limits how often statistics of statements are read, since a read costs time for each entry."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Server time of one entry of pg_stat_statements without its text; measured on PostgreSQL 15.
SECONDS_PER_ENTRY = 2e-6
#: The same with its text.
SECONDS_PER_TEXT = 1e-5
#: The same of pg_stat_monitor, whose view reads texts too, and has a histogram for each entry.
SECONDS_PER_MONITORED_ENTRY = 3e-5
#: Largest share of the server's time for full reads, and for bursts.
MAX_SHARE = 0.001
_MAX_PAUSE_SECONDS = 60.0


class ReadBudget:
    """When to read again: after `interval` seconds, or later if a read costs more."""

    def __init__(
        self,
        interval: float,
        seconds_per_entry: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = interval
        self._seconds_per_entry = seconds_per_entry
        self._clock = clock
        self._due = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it is time to read."""
        return self._clock() >= self._due

    def spend(self, entries: int) -> None:
        """Record a read of `entries` entries."""
        pause = min(entries * self._seconds_per_entry / MAX_SHARE, _MAX_PAUSE_SECONDS)
        self._due = self._clock() + max(self._interval, pause)
