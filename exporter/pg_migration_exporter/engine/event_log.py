"""What the watcher saw happen: one line in the log for each event, and the latest ones kept."""

from __future__ import annotations

import logging
from collections import deque

from pg_migration_exporter.events import Event

log = logging.getLogger(__name__)

_KEPT = 1000


class EventLog:
    """The latest events of one target, oldest first; `emitted` counts all there ever were.

    `place` stands before each in the log.
    """

    def __init__(self, place: str = "") -> None:
        self._place = place
        self.emitted = 0
        self.latest: deque[Event] = deque(maxlen=_KEPT)

    def emit(self, event: Event) -> None:
        """Keep an event and log it."""
        self.latest.append(event)
        self.emitted += 1
        details = "".join(f" {name}={value!r}" for name, value in event.details.items())
        log.info(
            "%s%s datname=%r subject=%r%s",
            self._place,
            event.kind,
            event.datname,
            event.subject,
            details,
            extra={"event": event},
        )
