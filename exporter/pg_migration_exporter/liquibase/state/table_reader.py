"""Read the tables of one changelog in one round trip, and keep its history up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pg_migration_exporter.events import Event
from pg_migration_exporter.liquibase.history import rollbacks
from pg_migration_exporter.liquibase.history import tables as sql
from pg_migration_exporter.liquibase.history.counters import RowCounters
from pg_migration_exporter.liquibase.history.deployment import deployment_of
from pg_migration_exporter.liquibase.history.history import History
from pg_migration_exporter.liquibase.history.lineage import Continuity
from pg_migration_exporter.liquibase.history.rollbacks import Transactions
from pg_migration_exporter.liquibase.history.room import HistoryRoom, size_of
from pg_migration_exporter.liquibase.history.row import BEGINNING, Row, read_rows, tid_of
from pg_migration_exporter.liquibase.locks.lock import Lock, LockKind
from pg_migration_exporter.liquibase.locks.reader import LockReader
from pg_migration_exporter.liquibase.locks.row import LockRow
from pg_migration_exporter.liquibase.locks.work import RunSessions
from pg_migration_exporter.liquibase.run_query import RunQuery
from pg_migration_exporter.liquibase.state.applied_changesets import AppliedChangesets
from pg_migration_exporter.liquibase.state.tracked import TrackedChangelog
from pg_migration_exporter.postgres.rows import Rows


@dataclass(frozen=True, slots=True)
class Answers:
    """The results of one round trip. `now` is the server's time, in seconds since the epoch."""

    lock: Lock
    lock_version: str
    counters: RowCounters
    run: RunSessions
    now: float
    transactions: Transactions | None


@dataclass(frozen=True, slots=True)
class TableReader:
    """Reads the tables of the changelogs of one database; `datname` is its name in events."""

    query: RunQuery
    datname: str
    emit: Callable[[Event], None]
    application_names: Sequence[str]
    commit_timestamps: bool
    room: HistoryRoom
    is_standby: bool
    #: The transaction that begins next, None if it is not known.
    next_xid: int | None

    async def read(self, changelog: TrackedChangelog) -> Answers:
        """Read the tables, and add what is new to the history and to what is known of the lock."""
        tables, memory = changelog.tables, changelog.memory
        lock_oid = tables.lock.oid if tables.lock is not None else 0
        locks = LockReader(
            self.query,
            self.application_names,
            self._committed,
            self.is_standby or changelog.is_replicated,
        )
        # Counters first: if they show a release, the lock's row does. The lock before the rows:
        # those of a run that has released it are there.
        counters, row, sessions, rows, transactions = await asyncio.gather(
            self.query(sql.READ_COUNTERS, str(tables.history.oid), str(lock_oid)),
            locks.read_row(tables),
            locks.read_sessions(tables, memory.lock),
            self._read_part(changelog, changelog.history.contents.position),
            self.query(rollbacks.READ),  # after the row counters: a session reports both at once
        )
        lock = locks.record(tables, row, sessions, memory.lock, changelog.work)
        [(*counts, changelog.is_replicated)] = counters.rows
        answers = Answers(
            lock.lock,
            lock.row.version,
            RowCounters(*counts),
            lock.run,
            lock.now,
            self._transactions(changelog, lock.lock, transactions),
        )
        if self._begins_anew(changelog, rows, answers, lock.row):
            rows = await self._read_part(changelog, BEGINNING)
        memory.record_lock(lock.lock)
        await self._update_history(changelog, rows, answers)
        last_row = changelog.history.contents.last
        memory.deployment = deployment_of(last_row, memory.deployment, answers.now)
        return answers

    def _transactions(
        self, changelog: TrackedChangelog, lock: Lock, answer: Rows
    ) -> Transactions | None:
        """Return the counters if runs are this server's, and take the lock's row."""
        is_elsewhere = self.is_standby or changelog.is_replicated
        if is_elsewhere or lock.kind is not LockKind.ROW or changelog.tables.lock is None:
            return None
        return Transactions.read(answer)

    def _begins_anew(
        self, changelog: TrackedChangelog, rows: Sequence[Row], answers: Answers, lock: LockRow
    ) -> bool:
        """Forget what does not belong to the past of this history; True if it must be reread."""
        memory = changelog.memory
        if memory.is_filled_by_a_dump(rows, lock):
            oid = memory.oid
            memory.start_over(answers.now)
            memory.oid, changelog.history = oid, History()
            return True
        if memory.doubt is Continuity.SAME and not memory.lost(answers.lock_version):
            return False
        if memory.continues(answers.lock_version):
            memory.forget_statistics(answers.counters)
            changelog.history = self.unread_history(changelog)
        else:
            memory.start_over(answers.now)
            memory.oid, changelog.history = changelog.tables.history.oid, History()
            changelog.judged = None
        return True

    def unread_history(self, changelog: TrackedChangelog) -> History:
        """Return a history that knows what the memory of the changelog does."""
        return History(known=changelog.memory.known_history(self.next_xid))

    async def _update_history(
        self, changelog: TrackedChangelog, part: list[Row], answers: Answers
    ) -> None:
        """Add new rows; reread the table if rows were also changed or removed.

        `part` are the first rows behind the position of the history.
        """
        history = changelog.history
        if not history.is_unread:
            new = list[Row]()
            try:
                await self._read_behind(changelog, part, lambda rows: new.extend(history.add(rows)))
            finally:  # also of a scrape that ends before the last part
                self._applied.record(changelog, new)
            if history.is_complete(
                answers.counters,
                answers.lock_version,
                answers.now,
                is_standby=self.is_standby,
            ):
                return
            self.room.free += history.contents.size
        table = history.read_whole(
            answers.counters, answers.lock_version, changelog.memory.last_order
        )
        if table.position != BEGINNING or not history.is_unread:
            part = await self._read_part(changelog, table.position)
        self.room.take(table.size)
        await self._read_behind(changelog, part, table.add)
        gone = history.replace(table, answers.now)
        self._applied.record(changelog, sorted(table.new, key=lambda row: row.order))
        self._applied.record_removed(changelog, gone)

    @property
    def _applied(self) -> AppliedChangesets:
        return AppliedChangesets(self.datname, self.emit)

    async def _read_behind(
        self, changelog: TrackedChangelog, part: list[Row], add: Callable[[list[Row]], None]
    ) -> None:
        """Add a part of the rows, and those behind it, between which other tasks run.

        Raises TooManyChangesetsError, which uses up no room, and what `_read_part` raises.
        """
        if len(part) < sql.ROWS_AT_ONCE:
            self.room.take(_size(part))
            add(part)
            return
        async with self.room.turn:
            free = self.room.free
            try:
                await self._read_parts(changelog, part, add)
            except BaseException:  # also CancelledError: the deadline of a scrape
                self.room.free = free
                raise

    async def _read_parts(
        self, changelog: TrackedChangelog, part: list[Row], add: Callable[[list[Row]], None]
    ) -> None:
        """Do this part by part: only what is kept of the rows stays in memory."""
        while len(part) == sql.ROWS_AT_ONCE:
            self.room.take(_size(part))
            add(part)
            part = await self._read_part(changelog, part[-1].position)
        self.room.take(_size(part))
        add(part)

    async def _read_part(self, changelog: TrackedChangelog, behind: int) -> list[Row]:
        """Read the first rows behind a position. Raises UnfitAnswerError."""
        history = changelog.tables.history.guarded
        answer = await self.query(
            sql.READ_ROWS, tid_of(behind), history=history, committed=self._committed
        )
        return read_rows(answer.rows)

    @property
    def _committed(self) -> str:
        return sql.COMMITTED if self.commit_timestamps else sql.NOT_COMMITTED


def _size(rows: Sequence[Row]) -> int:
    return sum(size_of(row.identity) for row in rows)
