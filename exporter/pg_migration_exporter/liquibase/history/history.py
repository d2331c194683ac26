"""The rows of a history table: read once completely, afterwards only new rows.

A TID range scan finds the rows behind the last one read, at a cost that does not depend on the
length of the history. It does not find updated, deleted and moved rows: if the row counters of the
table show any, the table is read again completely, as it is from time to time anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pg_migration_exporter.errors import UnfitAnswerError
from pg_migration_exporter.liquibase.changelog import normalize_path
from pg_migration_exporter.liquibase.history.changes import (
    ChangeKind,
    HistoryChanges,
    RowChange,
    is_before,
)
from pg_migration_exporter.liquibase.history.counters import RowCounters
from pg_migration_exporter.liquibase.history.room import size_of

#: Before the first row of a table.
BEGINNING = "(0,0)"
#: Seconds after which the table is read again completely, whatever the counters are.
_READ_AGAIN_AFTER = 600.0
#: The same on a standby, for each 5,000 rows.
_STANDBY_INTERVAL, _ROWS_PER_INTERVAL = 2.0, 5000
#: Seconds by which time zones differ, or a multiple of it.
_TIME_ZONE_STEP = 900.0
#: Seconds from the start of the transaction that records a changeset to its commit, at most.
_COMMIT_DELAY = 10.0
#: Transactions that may begin between two statements of one poll.
_LATER = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded changeset.

    `executed` is in seconds of the session's time zone: only differences are meaningful.
    `committed` is in seconds since the epoch, or None if the server does not keep it.
    """

    tid: str
    identity: str
    checksum: str | None
    exectype: str
    order: int
    tag: str | None
    deployment_id: str | None
    executed: float | None
    committed: float | None
    #: The transaction that wrote the row.
    xid: int = 0

    @property
    def kind_of_rewrite(self) -> ChangeKind:
        """What wrote the row again, if that has not run its changeset.

        An update that waited for another run writes the checksums of its rows again, as they are.
        """
        if not self.checksum:
            return ChangeKind.CLEARED
        return ChangeKind.CHECKSUM if self.tag is None else ChangeKind.TAGGED

    def recorded_at(self, now: float) -> float | None:
        """Return the commit time, or the start of the run, in seconds since the epoch.

        The commit time is that of a tag, of new checksums or of a restore if one of these wrote the
        row last.
        """
        if self.committed is not None and self._is_committed_by_run(self.committed):
            return self.committed
        return self.deployed_at(now)

    def deployed_at(self, now: float) -> float | None:
        """Return the start of the run on the client's clock, in seconds since the epoch.

        DEPLOYMENT_ID is that clock in milliseconds modulo 10^10, which wraps every 115.7 days: take
        the latest such time. The clock may be a minute ahead.
        """
        deployment_id = self.deployment_id or ""
        if not (deployment_id.isascii() and deployment_id.isdigit()):
            return None
        latest = int((now + 60) * 1000)
        return (latest - (latest - int(deployment_id)) % 10**10) / 1000

    def _is_committed_by_run(self, committed: float) -> bool:
        """Whether the commit fits DATEEXECUTED: NOW() in a time zone of whole quarters of hours."""
        if self.executed is None:
            return True
        late = (committed - self.executed) % _TIME_ZONE_STEP
        return late <= _COMMIT_DELAY or late > _TIME_ZONE_STEP - 1


@dataclass(frozen=True, slots=True)
class KnownHistory:
    """What an earlier process knew of a history when it last counted a run.

    `xid` is the transaction that had written the lock's row, None if that is not known; `next_xid`
    is the one that begins next, None if that is not known.
    """

    xid: int | None = None
    last_order: int | None = None
    rows: int = 0
    counters: RowCounters = field(default_factory=RowCounters)
    next_xid: int | None = None

    def changes(self, rows: Sequence[Row]) -> HistoryChanges:
        """Return what was written since, as far as rows show; nothing if nothing was known."""
        if self.last_order is None:
            return HistoryChanges()
        found = [change for row in rows if (change := self._change(row)) is not None]
        added = sum(change.kind is ChangeKind.ADDED for change in found)
        return HistoryChanges(found, max(self.rows - (len(rows) - added), 0))

    def _change(self, row: Row) -> RowChange | None:
        assert self.last_order is not None
        if row.order > self.last_order:
            kind = ChangeKind.RERAN if row.exectype == "RERAN" else ChangeKind.ADDED
        elif not self._is_newer(row.xid):
            return None
        else:
            kind = row.kind_of_rewrite
        return RowChange(kind, row.xid, row.identity, row.deployment_id or "")

    def _is_newer(self, xid: int) -> bool:
        """Whether a transaction began since: a row may be older than half the circle of ids."""
        if self.xid is None:
            return False
        if self.next_xid is None:
            return is_before(self.xid, xid)
        return 0 < (xid - self.xid) % 2**32 <= (self.next_xid - self.xid) % 2**32 + _LATER


@dataclass(slots=True)
class History:
    """The contents of one history table."""

    checksums: dict[str, str | None] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    last: Row | None = None
    deployed: int = 0
    #: How many changesets it counts as (`history.room`).
    size: int = 0
    position: str = BEGINNING
    #: Grows with every change, so that derived data can be checked for staleness.
    version: int = 0
    #: What was known before the table was first read.
    known: KnownHistory = field(default_factory=KnownHistory)
    #: Written since the last run that `state.memory` accounted for.
    changes: HistoryChanges = field(default_factory=HistoryChanges)
    _xids: dict[str, int] = field(default_factory=dict)
    _lock_version: str = ""
    _baseline: RowCounters | None = None
    _added: int = 0
    _read_at: float = 0.0

    def is_complete(
        self,
        counters: RowCounters,
        lock_version: str,
        now: float,
        *,
        is_standby: bool = False,
    ) -> bool:
        """Whether `add` was enough, according to the counters and the lock of the same moment.

        Counters arrive late from a session that stays connected; the lock's row does not.
        """
        baseline = self._baseline
        return (
            baseline is not None
            and lock_version == self._lock_version
            and counters.updated == baseline.updated
            and counters.deleted == baseline.deleted
            and not counters.is_other_file(baseline)
            and 0 <= counters.inserted - baseline.inserted <= self._added
            and 0 <= now - self._read_at < self._read_again_after(is_standby=is_standby)
        )

    def _read_again_after(self, *, is_standby: bool) -> float:
        """Return how long the rows count as read: a standby has no row counters."""
        if not is_standby:
            return _READ_AGAIN_AFTER
        return min(_STANDBY_INTERVAL * (1 + len(self.checksums) / _ROWS_PER_INTERVAL), 60.0)

    def add(self, rows: list[Row]) -> list[Row]:
        """Add rows found behind `position`; return those with a new identity, in order."""
        rows = sorted(rows, key=lambda row: row.order)
        new = [row for row in rows if row.identity not in self.checksums]
        for row in rows:
            if self._baseline is not None:
                self._record_change(row)
            self._add_row(row)
        if rows:
            self.position = max((row.tid for row in rows), key=position_of)
            self.version += 1
        self._added += len(new)
        return new

    def replace(
        self,
        rows: list[Row],
        counters: RowCounters,
        lock_version: str,
        now: float,
    ) -> list[Row]:
        """Replace everything with the whole table; return rows with a new identity, in order."""
        known = set(self.checksums)
        rows = sorted(rows, key=lambda row: row.order)
        if self._baseline is None:
            self.changes = self.known.changes(rows)
        else:
            for row in rows:
                self._record_change(row)
            self.changes.removed += len(known.difference(row.identity for row in rows))
        if counters.is_other_file(self._baseline or self.known.counters):
            self.changes.drop_replaced()
        self._clear()
        for row in rows:
            self._add_row(row)
        self.position = max((row.tid for row in rows), key=position_of, default=BEGINNING)
        self.version += 1
        self._baseline, self._added, self._read_at = counters, 0, now
        self._lock_version = lock_version
        return [row for row in rows if row.identity not in known]

    def _clear(self) -> None:
        self.checksums, self.tags, self.last, self.deployed = {}, {}, None, 0
        self._xids, self.size = {}, 0

    def _record_change(self, row: Row) -> None:
        """Record what happened to a row whose transaction is not the one that is known."""
        if self._xids.get(row.identity) == row.xid:
            return
        kind = ChangeKind.ADDED
        if row.identity in self.checksums:
            kind = self._kind_of_update(row)
        self.changes.rows.append(RowChange(kind, row.xid, row.identity, row.deployment_id or ""))

    def _kind_of_update(self, row: Row) -> ChangeKind:
        """A changeset that ran again gets a new order; a tag and a checksum leave it."""
        if self.last is not None and row.order > self.last.order:
            return ChangeKind.RERAN
        if row.checksum != self.checksums[row.identity]:
            return ChangeKind.CHECKSUM if row.checksum else ChangeKind.CLEARED
        return row.kind_of_rewrite

    def _add_row(self, row: Row) -> None:
        if row.identity not in self.checksums:
            self.size += size_of(row.identity)
        self.checksums[row.identity] = row.checksum
        self._xids[row.identity] = row.xid
        if row.tag is not None:
            self.tags[row.tag] = row.identity
        if self.last is None or row.order >= self.last.order:
            same = self.last is not None and self.last.deployment_id == row.deployment_id
            self.deployed = self.deployed + 1 if same else 1
            self.last = row


def read_rows(rows: list[tuple[Any, ...]]) -> list[Row]:
    """Return the rows of `tables.READ_ROWS`.

    Raises UnfitAnswerError for what Liquibase does not write.
    """
    return [_read_row(row) for row in rows]


def _read_row(row: Sequence[Any]) -> Row:
    tid, path, name, author, checksum, exectype, order, *rest = row
    if None in (path, name, author, exectype) or not isinstance(order, int):
        raise UnfitAnswerError(
            f"the row at ctid {tid} has no id, author, filename, exectype or orderexecuted, which "
            "Liquibase writes to every row: correct it, or exclude the table if it is another's"
        )
    return Row(tid, f"{normalize_path(path)}::{name}::{author}", checksum, exectype, order, *rest)


def position_of(text: str) -> tuple[int, int]:
    """Return block and offset of a tid, which are in the order of the table."""
    block, offset = text.strip("()").split(",")
    return int(block), int(offset)
