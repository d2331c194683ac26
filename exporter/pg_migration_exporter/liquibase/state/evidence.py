"""What is known about one changelog at one moment: facts, without judgment."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class TableAccess(StrEnum):
    """How far Liquibase's tables could be read."""

    ABSENT = "absent"
    DROPPED = "dropped"
    NOT_GRANTED = "not_granted"
    BUSY = "busy"
    COMPLETE = "complete"


class Run(StrEnum):
    """What the last run that ended did, as far as row counters tell."""

    UNKNOWN = "unknown"
    ADDED_ROWS = "added_rows"
    UPDATED_ROWS = "updated_rows"
    LEFT_NO_ROW = "left_no_row"
    #: The same, but the lock was not seen held: commands that had nothing to do look like that too.
    MAYBE_LEFT_NO_ROW = "maybe_left_no_row"
    REMOVED_ROWS = "removed_rows"


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock row, and whether a session is there that could have taken it.

    `taken` in seconds since the epoch, the other times in seconds.
    """

    locked: bool
    locked_by: str = ""
    taken: float = 0.0
    age: float = 0.0
    has_holder: bool = False
    holder_missing_for: float = 0.0


@dataclass(frozen=True, slots=True)
class Expected:
    """The changelog files against the history; `unreadable` says why that cannot be known."""

    pending: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    drifted: tuple[str, ...] = ()
    unreadable: str | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """What a wrapped run said of itself. Times in seconds since the epoch.

    `ended_at` is None where the end was not reported: the run goes on, or its wrapper was killed.
    """

    failed: bool
    ended_at: float | None
    changeset: str = ""
    reason: str = ""
    under_way: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the state of a migration is decided from."""

    reading: TableAccess
    lock: Lock = field(default_factory=lambda: Lock(locked=False))
    sessions: int = 0
    #: The kind of statement that a session of the migration executes now.
    statement: str = ""
    blocked: bool = False
    applied: int = 0
    last_run: Run = Run.UNKNOWN
    #: What the files expected when the last run ended, and it had not applied.
    left_out: tuple[str, ...] = ()
    #: No run ended between this moment and the last run; seconds since the epoch.
    ended_after: float = 0.0
    acknowledged: bool = False
    expected: Expected | None = None
    reported: Reported | None = None
    #: HOST:PORT of a server for whose history of the same name there is a report.
    reported_elsewhere: tuple[str, ...] = ()
    stale_lock_after: float = 10.0

    @property
    def under_way(self) -> bool:
        """Whether the wrapper says that Liquibase runs."""
        return self.reported is not None and self.reported.under_way

    @property
    def known(self) -> Expected | None:
        """What the changelog files expect, if there are any and they could be read."""
        return None if self.expected is None or self.expected.unreadable else self.expected
