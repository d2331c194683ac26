"""What is remembered about one changelog: its lock, its runs, and the acknowledged failure.

The history table does not record failures, but counters of written rows reveal them (measured on
Liquibase 4.28): a run updates the lock's row twice, to take and to release it; `update` adds a row
for each changeset, `rollback` deletes rows; a run that failed at its first changeset adds none.
Commands with nothing to do update the lock's row once or not at all, and do not count as runs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pg_migration_exporter.liquibase.history.changes import HistoryChanges, is_before
from pg_migration_exporter.liquibase.history.counters import RowCounters
from pg_migration_exporter.liquibase.history.deployment import Deployment
from pg_migration_exporter.liquibase.history.known_history import KnownHistory
from pg_migration_exporter.liquibase.history.lineage import Continuity
from pg_migration_exporter.liquibase.history.rollbacks import RolledBack
from pg_migration_exporter.liquibase.history.row import Row
from pg_migration_exporter.liquibase.history.statements import LockStatements
from pg_migration_exporter.liquibase.locks.holder import LockMemory
from pg_migration_exporter.liquibase.locks.lock import Lock
from pg_migration_exporter.liquibase.locks.row import LockRow
from pg_migration_exporter.liquibase.locks.sessions import PLAINLY_IDLE
from pg_migration_exporter.liquibase.state.evidence import (
    RunEffect,
)
from pg_migration_exporter.liquibase.state.outcome_memory import OutcomeMemory
from pg_migration_exporter.liquibase.state.poll import LockSample, Poll
from pg_migration_exporter.liquibase.state.rollback_memory import RollbackMemory
from pg_migration_exporter.liquibase.state.runs import EndedRun, Traces, ended_runs
from pg_migration_exporter.liquibase.state.seen_contents import SeenContents

#: Seconds; PostgreSQL reports at the session's end, or when it has been idle for 10 s.
STATISTICS_DELAY = 15.0
#: Seconds between two reads of the lock's row in which only one command can write it: each starts a
#: JVM.
_SAMPLE_INTERVAL = 2.5
#: Seconds after which rows are counted as a run although the lock's row has not moved.
_LOCK_DELAY = 2.0
#: Seconds within which a session that waited for the lock has taken it, or given up.
_WAITED_WITHIN = 30.0


@dataclass(slots=True)
class ChangelogMemory(OutcomeMemory):
    """The past of one changelog; durable. Times are the server's, in seconds since the epoch.

    `counters` is None until the first poll. Pass zeros if the tables did not exist before, so that
    the run that creates them counts. `run` is the number of runs that ended.
    """

    oid: int = 0
    #: Created since the last search of all tables, next to a changelog that shares its lock.
    is_new: bool = False
    #: The tables are new, and it is not known yet whether a run or a dump fills them; the latter if
    #: their rows are older than this transaction.
    is_created: bool = False
    created_after: int | None = None
    #: Whether the past of the database changed since, until it is known what is left of it.
    doubt: Continuity = Continuity.SAME
    counters: RowCounters | None = None
    run: int = 0
    last_run: RunEffect = RunEffect.UNKNOWN
    last_order: int | None = None
    status: str = ""
    saw_lock_held: bool = False
    unsettled_since: float | None = None
    #: The transaction that wrote the lock's row when runs were last counted.
    settled_version: str = ""
    #: The last row's order, and the number of rows, at that time.
    settled_order: int | None = None
    settled_rows: int = 0
    #: Updates of the lock's row by runs that were counted before their statistics arrived.
    late_lock_updates: int = 0
    statements: LockStatements | None = None
    #: The lock's row when it was last read, and when that was (time.monotonic).
    sample: LockSample | None = None
    sampled_at: float = -float("inf")
    deployment: Deployment | None = None
    lock_taken: float = 0.0
    lock: LockMemory = field(default_factory=LockMemory)
    rollbacks: RollbackMemory = field(default_factory=RollbackMemory)
    contents: SeenContents = field(default_factory=SeenContents)
    #: What the run that ended last rolled back has not arrived; whether it created the tables.
    awaits_rollbacks: bool = False
    late_rows: int = 0
    #: When a session last waited for the lock; it rolls back more than others.
    waiters_seen_at: float = 0.0
    #: Rows that were last removed from the history without the lock, until the next run.
    removed_by_hand: int = 0
    creates_tables: bool = False

    def record_table(self, oid: int) -> bool:
        """Start over if the history is a different table than before; True if it is.

        Totals are kept.
        """
        is_different = self.oid not in (0, oid)
        if is_different:
            self.start_empty(self.created_after)
        self.oid = oid
        return is_different

    def start_over(self, now: float) -> None:
        """Forget the past of a history that has another one; count no run, keep totals."""
        self._forget()
        self.counters, self.last_order, self.settled_order = None, None, None
        self.is_new = self.is_created = False
        self.noticed_at = self.repaired_at = max(self.ended_at, now)

    def start_empty(self, created_after: int | None = None) -> None:
        """Forget the past of tables that are created again: the run that does it counts."""
        self._forget()
        self.counters, self.last_order, self.settled_order = RowCounters(), 0, 0
        self.is_created, self.created_after = True, created_after

    def _forget(self) -> None:
        self.oid, self.doubt, self.lock = 0, Continuity.SAME, LockMemory()
        self.last_run, self.unknown_outcome = RunEffect.UNKNOWN, ""
        self.removed_by_hand = 0
        self.failure, self.reported_failure, self.reports.unreported = None, None, []
        self.saw_lock_held, self.unsettled_since, self.late_lock_updates = False, None, 0
        self.settled_version, self.settled_rows, self.lock_taken = "", 0, 0.0
        self.statements, self.sample, self.deployment = None, None, None
        self.rollbacks, self.awaits_rollbacks = RollbackMemory(), False

    def forget_statistics(self, counters: RowCounters) -> None:
        """Count from these row counters: those of before were another server's."""
        self.counters, self.late_lock_updates = counters, 0
        self.statements, self.sample = None, None
        self.rollbacks, self.awaits_rollbacks = RollbackMemory(), False
        self.doubt = Continuity.SAME

    def continues(self, lock_version: str) -> bool:
        """Whether the lock's row shows that the last run which was counted is still of the past."""
        if not lock_version or not self.settled_version:
            return False
        if lock_version == self.settled_version:
            return True
        is_same_server = self.doubt is not Continuity.OTHER_SERVER
        return is_same_server and is_before(int(self.settled_version), int(lock_version))

    def lost(self, lock_version: str) -> bool:
        """Whether the lock's row is older than at the last run that was counted."""
        return bool(lock_version and self.settled_version) and is_before(
            int(lock_version), int(self.settled_version)
        )

    def is_filled_by_a_dump(self, rows: Sequence[Row], lock: LockRow) -> bool:
        """Whether no run wrote the rows of new tables, as when a dump is restored.

        A run updates the lock's row, and writes each row in a transaction of its own.
        """
        if not self.is_created or not rows:
            return False
        xids = {row.xid for row in rows}
        is_old = self.created_after is not None and all(
            is_before(xid, self.created_after) for xid in xids
        )
        is_loaded = (lock.is_first and not lock.locked) or len(xids) == 1 < len(rows)
        return is_old or is_loaded

    def record_sample(self, sample: LockSample) -> bool:
        """Record the lock's row between two polls; True if it was written since the last read."""
        before, self.sample, self.sampled_at = self.sample, sample, time.monotonic()
        self.saw_lock_held = self.saw_lock_held or sample.locked
        return before is not None and before != sample

    def needs_statements(self, poll: Poll, changes: HistoryChanges) -> bool:
        """Whether only the statements show if the lock was taken: after a time without samples."""
        updates = self._traces(poll, changes, self.counters).lock_updates
        return poll.idle and updates > 1 and not (changes or self.saw_lock_held or poll.is_sampled)

    def has_traces(self, poll: Poll, changes: HistoryChanges) -> bool:
        """Whether a run may have ended since the previous poll."""
        is_moved = self._lock_moved(poll) or poll.counters != self.counters
        return poll.idle and bool(changes or is_moved or self.saw_lock_held or self.is_new)

    def record_poll(self, poll: Poll, changes: HistoryChanges) -> list[EndedRun]:
        """Return the runs that ended since the previous poll; none as long as it is not idle.

        What they wrote is removed from `changes`.
        """
        noticed_at = self._noticed_at(poll)
        creates_tables = self.is_created
        ended = self._ended_runs(poll, changes)
        if ended:
            has_waited = 0 <= poll.now - self.waiters_seen_at < _WAITED_WITHIN
            ended = [replace(run, has_waited=has_waited) for run in ended]
            self.noticed_at, self.ended_at = noticed_at, poll.now
            self.removed_by_hand = 0
            self.last_run = ended[-1].effect
            self.run += len(ended)
        if poll.idle:
            ended = self._count_rollbacks(poll, ended, creates_tables=creates_tables)
        self.polled_at = poll.now
        updates, version = poll.counters.locks, poll.lock_version
        self.record_sample(LockSample(poll.locked, version, updates))
        return ended

    def _count_rollbacks(
        self, poll: Poll, ended: list[EndedRun], *, creates_tables: bool
    ) -> list[EndedRun]:
        """Return the runs, a single one with the transactions rolled back meanwhile."""
        if ended:
            self.awaits_rollbacks = len(ended) == 1 and self.rollbacks.before is not None
            self.creates_tables = creates_tables
        if self.awaits_rollbacks and not self._has_statistics(poll):
            return [replace(run, is_late=True) for run in ended]
        if ended and self.awaits_rollbacks:
            ended = [replace(ended[0], rolled_back=self.take_rollbacks(poll))]
        elif ended:
            self.rollbacks.end_run(poll.transactions, poll.now, connected=poll.connected)
        elif self.unsettled_since is None and not self.awaits_rollbacks:
            self.rollbacks.record_quiet(poll.transactions, poll.now, connected=poll.connected)
        return ended

    def _has_statistics(self, poll: Poll) -> bool:
        """Whether all statistics of the run that ended last have arrived.

        A session reports what it rolls back after the release of the lock when it ends, or when it
        has been idle for a while.
        """
        assert self.counters is not None
        if poll.connected and 0 <= poll.now - self.ended_at < PLAINLY_IDLE:
            return False
        written = poll.counters.rows_written - self.counters.rows_written
        locks = poll.counters.locks - self.counters.locks
        return locks >= self.late_lock_updates and written >= self.late_rows

    def take_rollbacks(self, poll: Poll) -> RolledBack | None:
        """Return what was rolled back during the run that ended last, once that has arrived."""
        if not self._has_statistics(poll):
            return None
        found = self.rollbacks.since(poll.transactions, poll.now)
        self.rollbacks.end_run(poll.transactions, poll.now, connected=poll.connected)
        self.awaits_rollbacks = False
        return found and replace(found, creates_tables=self.creates_tables)

    def _noticed_at(self, poll: Poll) -> float:
        """Return when the traces of the runs were first noticed, or the poll before."""
        known = (self.lock_taken, self.unsettled_since, self.polled_at or self.ended_at, poll.now)
        return min((moment for moment in known if moment), default=poll.now)

    def _ended_runs(self, poll: Poll, changes: HistoryChanges) -> list[EndedRun]:
        before = self.counters
        if before is not None and poll.counters.went_back(before):
            # Reset: they count from zero again, whatever was written before.
            self.counters, self.late_lock_updates = RowCounters(), 0
            before = self.counters
        if before is None and not self.is_new:
            self._settle(poll, changes, changes)
            return []
        if not poll.idle:
            return []
        traces = self._traces(poll, changes, before)
        if not self._is_complete(poll, traces):
            return []
        ended = ended_runs(traces)
        is_by_hand = self._is_by_hand(poll, traces)
        if is_by_hand:
            self.removed_by_hand += traces.changes.removed
        if is_by_hand or (poll.ignore_empty_runs and not traces.changes):
            ended = []
        locks = 2 * len(ended) - traces.lock_updates if self._lock_moved(poll) else 0
        self._settle(poll, changes, traces.changes, locks=locks)
        return ended

    def _traces(self, poll: Poll, changes: HistoryChanges, before: RowCounters | None) -> Traces:
        """What was left since the last run that was counted."""
        updates = deleted = 0
        if before is not None:
            updates = max(poll.counters.locks - before.locks - self.late_lock_updates, 0)
            deleted = max(poll.counters.deleted - before.deleted, 0)
        released_by = int(poll.lock_version) if poll.lock_version else None
        statements = poll.statements and poll.statements.since(self.statements)
        return Traces(
            changes.before(released_by if self._lock_moved(poll) else None),
            updates,
            deleted,
            self.saw_lock_held,
            released_by,
            statements,
            poll.is_sampled,
        )

    def _is_by_hand(self, poll: Poll, traces: Traces) -> bool:
        """Whether rows were written without the lock, by no command of Liquibase."""
        is_locked = self._lock_moved(poll) or traces.lock_updates > 0 or self.saw_lock_held
        return bool(poll.lock_version) and not is_locked and traces.changes.is_written_by_hand

    def _lock_moved(self, poll: Poll) -> bool:
        return bool(poll.lock_version) and poll.lock_version != self.settled_version

    def _is_complete(self, poll: Poll, traces: Traces) -> bool:
        """Whether everything that the runs left has arrived, or enough of it."""
        if traces.changes:
            # Rows that no movement of the lock explains may belong to a run that just took it.
            moved = self._lock_moved(poll) or traces.lock_updates > 0
            return moved or self._waited(poll, _LOCK_DELAY)
        if self.is_new:
            self.is_new = False
            return True
        if self.saw_lock_held or traces.lock_updates > 1:
            return True
        if traces.statements is not None and traces.statements.takes > 0:
            return True
        if traces.lock_updates or self._lock_moved(poll):
            is_over = traces.lock_updates == 1 and not poll.connected
            return is_over or self._waited(poll, STATISTICS_DELAY)
        return poll.counters != self.counters and self._waited(poll, STATISTICS_DELAY)

    def _waited(self, poll: Poll, seconds: float) -> bool:
        if self.unsettled_since is None:
            self.unsettled_since = poll.now
        return not 0 <= poll.now - self.unsettled_since <= seconds

    def _settle(
        self, poll: Poll, changes: HistoryChanges, accounted: HistoryChanges, locks: int = 0
    ) -> None:
        """Account for the traces; `locks` updates of the lock's row have not been reported yet."""
        changes.remove(accounted)
        before = self.counters.rows_written if self.counters is not None else 0
        written = len(accounted.rows) + accounted.removed
        self.late_rows = max(written - (poll.counters.rows_written - before), 0)
        self.counters, self.late_lock_updates = poll.counters, max(locks, 0)
        self.settled_version, self.saw_lock_held = poll.lock_version, False
        self.unsettled_since, self.lock_taken = None, 0.0
        self.settled_order, self.settled_rows = poll.last_order, poll.rows
        self.statements = poll.statements
        self.is_created = self.is_created and not poll.rows

    @property
    def is_sampled(self) -> bool:
        """Whether the lock's row was read a moment ago."""
        return time.monotonic() - self.sampled_at <= _SAMPLE_INTERVAL

    @property
    def is_settled(self) -> bool:
        """Whether no trace waits for more to arrive."""
        return self.unsettled_since is None and not self.saw_lock_held

    def known_history(self, next_xid: int | None = None) -> KnownHistory:
        """Return what this memory knows of the rows, for a history that was not read yet."""
        xid = int(self.settled_version) if self.settled_version else None
        order = self.last_order if self.settled_order is None else self.settled_order
        counters = self.counters or RowCounters()
        return KnownHistory(xid, order, self.settled_rows, counters, next_xid)

    def record_lock(self, lock: Lock) -> None:
        """Record the lock as a poll found it."""
        if lock.locked:
            self.saw_lock_held, self.lock_taken = True, lock.taken
        if lock.waiters:
            self.waiters_seen_at = self.rollbacks.disturbed_at = lock.taken + lock.age
