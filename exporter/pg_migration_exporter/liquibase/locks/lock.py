"""Kinds of lock, and the lock of a changelog at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LockKind(StrEnum):
    """What a run holds while it works."""

    #: The row of Liquibase's lock table: it stays when the session ends.
    ROW = "row"
    #: An advisory lock of the session, as liquibase-sessionlock takes it.
    ADVISORY = "advisory"
    #: A lock of the session on a table.
    RELATION = "relation"

    @property
    def is_held_by_session(self) -> bool:
        """Whether pg_locks shows the holder; such a lock ends with its session."""
        return self is not LockKind.ROW


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock, and whether a connected session could have taken it.

    `taken` in seconds since the epoch, the other times in seconds. `holder_missing_for` is 0 unless
    `is_judged`: a standby does not show the sessions of the primary.
    """

    locked: bool
    locked_by: str = ""
    taken: float = 0.0
    age: float = 0.0
    has_holder: bool = False
    holder_missing_for: float = 0.0
    kind: LockKind = LockKind.ROW
    #: The process ID of the session that holds it, None if that is not certain.
    holder_pid: int | None = None
    #: Number of sessions that seem to wait for it.
    waiters: int = 0
    is_judged: bool = True
