"""What was written to a history since the last completed run, in the order of transactions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

#: Transaction ids are a circle: half of it lies behind each of them (PostgreSQL, "Transactions
#: and Identifiers").
_HALF = 2**31


def is_before(xid: int, other: int) -> bool:
    """Whether a transaction got its id before another one."""
    return xid != other and (other - xid) % 2**32 < _HALF


class ChangeKind(StrEnum):
    """What a command of Liquibase did to a row."""

    ADDED = "added"
    RERAN = "reran"
    TAGGED = "tagged"
    #: A checksum, as an update writes after clear-checksums, an upgrade or another run.
    CHECKSUM = "checksum"
    #: No checksum any more.
    CLEARED = "cleared"


#: Changes that an update makes.
_OF_UPDATE = (ChangeKind.ADDED, ChangeKind.RERAN)


class RowChange(NamedTuple):
    """One row written by transaction `xid`; `deployment` is its DEPLOYMENT_ID."""

    kind: ChangeKind
    xid: int
    identity: str
    deployment: str = ""


@dataclass(slots=True)
class HistoryChanges:
    """Rows written and removed; `removed` counts rows, whose transactions are not known."""

    rows: list[RowChange] = field(default_factory=list)
    removed: int = 0

    def __bool__(self) -> bool:
        return bool(self.rows) or self.removed > 0

    def before(self, xid: int | None) -> HistoryChanges:
        """Return what was written before transaction `xid`; everything for None.

        A run writes its rows before it releases the lock: what is newer belongs to the next run.
        """
        rows = [row for row in self.rows if xid is None or is_before(row.xid, xid)]
        return HistoryChanges(rows, self.removed)

    def remove(self, accounted: HistoryChanges) -> None:
        """Remove what has been accounted for."""
        gone = set(accounted.rows)
        self.rows = [row for row in self.rows if row not in gone]
        self.removed -= accounted.removed

    def drop_replaced(self) -> None:
        """Drop everything if rows were removed or written again: TRUNCATE or a restore did that."""
        if self.removed or any(row.kind not in _OF_UPDATE for row in self.rows):
            self.rows, self.removed = [], 0

    def of(self, *kinds: ChangeKind) -> list[RowChange]:
        """Return the changes of these kinds, in the order of their transactions."""
        found = [row for row in self.rows if row.kind in kinds]
        return sorted(found, key=lambda row: (row.xid - found[0].xid + _HALF) % 2**32)

    @property
    def is_written_by_hand(self) -> bool:
        """Whether no command of Liquibase writes this without the lock.

        Only mark-next-changeset-ran does: one row in a transaction of its own.
        """
        xids = {row.xid for row in self.rows}
        is_added = all(row.kind is ChangeKind.ADDED for row in self.rows)
        return self.removed > 0 or not is_added or len(xids) < len(self.rows)

    @property
    def newest(self) -> int | None:
        """The latest transaction that wrote a row."""
        return _latest(row.xid for row in self.rows)


def _latest(xids: Iterable[int]) -> int | None:
    latest: int | None = None
    for xid in xids:
        if latest is None or is_before(latest, xid):
            latest = xid
    return latest
