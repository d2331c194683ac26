"""What an earlier process knew of a history."""

from __future__ import annotations

from dataclasses import dataclass, field

from pg_migration_exporter.liquibase.history.changes import ChangeKind, RowChange, is_before
from pg_migration_exporter.liquibase.history.counters import RowCounters
from pg_migration_exporter.liquibase.history.row import Row

#: Transactions that may begin between two statements of one poll.
_LATER = 1_000_000


@dataclass(frozen=True, slots=True)
class KnownHistory:
    """What was known when a run was last counted.

    `xid` is the transaction that had written the lock's row, None if that is not known; `next_xid`
    is the one that begins next, None if that is not known.
    """

    xid: int | None = None
    last_order: int | None = None
    rows: int = 0
    counters: RowCounters = field(default_factory=RowCounters)
    next_xid: int | None = None

    def change(self, row: Row) -> RowChange | None:
        """Return what has happened to a row since; None for nothing, or if nothing was known."""
        if self.last_order is None:
            return None
        if row.order > self.last_order:
            kind = ChangeKind.RERAN if row.exectype == "RERAN" else ChangeKind.ADDED
        elif not self._is_newer(row.xid):
            return None
        else:
            kind = row.kind_of_rewrite
        return RowChange(kind, row.xid, row.identity, row.deployment_id or "")

    def removed(self, rows: int, added: int) -> int:
        """Return how many rows are gone, if there are `rows` now, of which `added` are new."""
        return 0 if self.last_order is None else max(self.rows - (rows - added), 0)

    def _is_newer(self, xid: int) -> bool:
        """Whether a transaction began since: a row may be older than half the circle of ids."""
        if self.xid is None:
            return False
        if self.next_xid is None:
            return is_before(self.xid, xid)
        return 0 < (xid - self.xid) % 2**32 <= (self.next_xid - self.xid) % 2**32 + _LATER
