"""The events of a target: logged, and the latest ones kept for the status page."""

from __future__ import annotations

import logging
from collections import deque

from pg_migration_exporter.events import Event

log = logging.getLogger(__name__)

_MAX_EVENTS = 1000


class EventLog:
    """The latest events of one target, oldest first; `emitted` is the number of all of them."""

    def __init__(self, log_prefix: str = "") -> None:
        self._log_prefix = log_prefix
        self.emitted = 0
        self.latest: deque[Event] = deque(maxlen=_MAX_EVENTS)

    def emit(self, event: Event) -> None:
        """Keep an event and log it."""
        self.latest.append(event)
        self.emitted += 1
        details = "".join(f" {name}={value!r}" for name, value in event.details.items())
        log.info(
            "%s%s datname=%r subject=%r%s",
            self._log_prefix,
            event.kind,
            event.datname,
            event.subject,
            details,
            extra={"event": event},
        )
