"""The rows of a history table: read once completely, afterwards only new rows.

A TID range scan finds the rows behind the last one read, at a cost that does not depend on the
length of the history. It does not find updated, deleted and moved rows: if the row counters of the
table show any, the table is read again completely, as it is from time to time anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pg_migration_exporter.liquibase.history.changes import ChangeKind, HistoryChanges, RowChange
from pg_migration_exporter.liquibase.history.contents import Contents, Deployments
from pg_migration_exporter.liquibase.history.counters import RowCounters
from pg_migration_exporter.liquibase.history.known_history import KnownHistory
from pg_migration_exporter.liquibase.history.row import Row

#: Seconds after which the table is read again completely, whatever the counters are.
_READ_AGAIN_AFTER = 600.0
#: The same on a standby, for each 5,000 rows.
_STANDBY_INTERVAL, _ROWS_PER_INTERVAL = 2.0, 5000


@dataclass(slots=True)
class History:
    """The contents of one history table, and what was written to it."""

    contents: Contents = field(default_factory=Contents)
    #: Grows with every change, so that derived data can be checked for staleness.
    version: int = 0
    #: What was known before the table was first read.
    known: KnownHistory = field(default_factory=KnownHistory)
    #: Written since the last run that `state.memory` accounted for.
    changes: HistoryChanges = field(default_factory=HistoryChanges)
    _lock_version: str = ""
    _baseline: RowCounters | None = None
    _added: int = 0
    _read_at: float = 0.0
    #: A table whose read was interrupted, such as by the end of a scrape.
    _reading: WholeTable | None = None

    @property
    def is_unread(self) -> bool:
        """Whether the table has never been read completely."""
        return self._baseline is None

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
        rows = len(self.contents.recorded)
        return min(_STANDBY_INTERVAL * (1 + rows / _ROWS_PER_INTERVAL), 60.0)

    def add(self, rows: Sequence[Row]) -> list[Row]:
        """Add rows found behind the position; return those of new changesets, in order."""
        new = list[Row]()
        for row in sorted(rows, key=lambda row: row.order):
            change = self.change(row)
            if change is not None:
                self.changes.rows.append(change)
            if self.contents.put(row):
                new.append(row)
        if rows:
            self.contents.position = rows[-1].position
            self.version += 1
        self._added += len(new)
        return new

    def read_whole(
        self, counters: RowCounters, lock_version: str, new_from: int | None
    ) -> WholeTable:
        """Return the table to read, behind its position: an interrupted read goes on."""
        reading = self._reading
        if reading is None or not reading.goes_on(counters, lock_version):
            reading = self._reading = WholeTable(self, counters, lock_version, new_from)
        return reading

    def replace(self, table: WholeTable, now: float) -> int:
        """Replace everything with the whole table; return how many changesets are gone."""
        counters = table.counters
        contents = table.complete()
        gone = len(self.contents.recorded) - table.kept
        if self._baseline is None:
            added = sum(change.kind is ChangeKind.ADDED for change in table.changes)
            removed = self.known.removed(table.rows, added)
            self.changes = HistoryChanges(table.changes, removed)
        else:
            self.changes.rows += table.changes
            self.changes.removed += gone
        if counters.is_other_file(self._baseline or self.known.counters):
            self.changes.drop_replaced()
        self.contents = contents
        self.version += 1
        self._baseline, self._added, self._read_at = counters, 0, now
        self._lock_version, self._reading = table.lock_version, None
        return gone

    def change(self, row: Row) -> RowChange | None:
        """Return what happened to a row since it was read; None for nothing.

        Its transaction is then not the one that is known.
        """
        if self._baseline is None:
            return self.known.change(row)
        known_xid = self.contents.recorded.xid(row.identity)
        if known_xid == row.xid:
            return None
        kind = ChangeKind.ADDED if known_xid is None else self._kind_of_update(row)
        return RowChange(kind, row.xid, row.identity, row.deployment_id or "")

    def _kind_of_update(self, row: Row) -> ChangeKind:
        """A changeset that ran again gets a new order; a tag and a checksum leave it."""
        last = self.contents.last
        if last is not None and row.order > last.order:
            return ChangeKind.RERAN
        if row.checksum != self.contents.recorded[row.identity]:
            return ChangeKind.CHECKSUM if row.checksum else ChangeKind.CLEARED
        return row.kind_of_rewrite


class WholeTable:
    """A table that is read from its beginning, in parts; `History.replace` takes it over.

    `counters` and `lock_version` are of before its first row was read.
    `new` are the rows of changesets that the history does not have, as far as they are wanted: from
    `new_from` on, an ORDEREXECUTED; None for none. `kept` is how many of its changesets it has.
    """

    def __init__(
        self, history: History, counters: RowCounters, lock_version: str, new_from: int | None
    ) -> None:
        self.counters, self.lock_version = counters, lock_version
        self.changes: list[RowChange] = []
        self.new: list[Row] = []
        self.rows = self.kept = 0
        self._contents = Contents()
        self._deployments = Deployments()
        self._history, self._new_from = history, new_from

    @property
    def position(self) -> int:
        """The last place in the table that was read."""
        return self._contents.position

    @property
    def size(self) -> int:
        """How many changesets it counts as so far (`history.room`)."""
        return self._contents.size

    def goes_on(self, counters: RowCounters, lock_version: str) -> bool:
        """Whether rows were only added to the table since it began to be read."""
        began = self.counters
        return (
            lock_version == self.lock_version
            and counters.updated == began.updated
            and counters.deleted == began.deleted
            and counters.inserted >= began.inserted
            and not counters.is_other_file(began)
        )

    def add(self, rows: Sequence[Row]) -> None:
        """Add the next rows of the table."""
        known, contents = self._history.contents.recorded, self._contents
        for row in rows:
            change = self._history.change(row)
            if change is not None:
                self.changes.append(change)
            is_known = bool(known) and row.identity in known
            if contents.put(row):
                self.kept += is_known
            if not is_known and self._new_from is not None and row.order >= self._new_from:
                self.new.append(row)
            self._deployments.put(row)
        if rows:
            contents.position = rows[-1].position
        self.rows += len(rows)

    def complete(self) -> Contents:
        """Return the contents, now that there are no more rows."""
        self._contents.deployed = self._deployments.count(self._contents.last)
        return self._contents
