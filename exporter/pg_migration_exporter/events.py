"""The events that collectors emit."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class EventKind(StrEnum):
    """Every kind of event."""

    MIGRATION_STATE = "migration_state"
    RUN_ENDED = "run_ended"
    CHANGESET_APPLIED = "changeset_applied"
    CHANGESETS_REMOVED = "changesets_removed"
    LOCK_WAIT_STARTED = "lock_wait_started"
    LOCK_WAIT_ENDED = "lock_wait_ended"
    INDEX_BUILD_STARTED = "index_build_started"
    INDEX_BUILD_PHASE = "index_build_phase"
    INDEX_BUILD_COMPLETED = "index_build_completed"
    INDEX_BUILD_FAILED = "index_build_failed"
    INDEX_BUILD_INVALID = "index_build_invalid"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that began or ended at `time`, in seconds since the epoch.

    `subject` is the object concerned; `details` hold no statement text and no secret.
    """

    kind: EventKind
    datname: str
    subject: str
    details: Mapping[str, str | float | int] = field(default_factory=dict)
    time: float = field(default_factory=time.time)
