"""What the watcher saw happen: one line in the log for each event, and the latest ones kept."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Event:
    """Something that began or ended. `time` in seconds since the epoch.

    `kind` is a few words in snake case, `subject` what it happened to; `details` hold no statement
    text and no secret.
    """

    kind: str
    datname: str
    subject: str
    details: Mapping[str, str | float | int] = field(default_factory=dict)
    time: float = field(default_factory=time.time)


class EventLog:
    """The latest events of one target, oldest first; `place` stands before each in the log."""

    def __init__(self, place: str = "") -> None:
        self._place = place
        self.latest: deque[Event] = deque(maxlen=_KEPT)

    def tell(self, event: Event) -> None:
        """Keep an event and log it."""
        self.latest.append(event)
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
