"""What is remembered about one changelog: its lock, its runs, and the acknowledged failure.

The history table does not record failures, but counters of written rows reveal them (measured on
Liquibase 4.28): a run updates the lock's row twice, to take and to release it; `update` adds a row
for each changeset, `rollback` deletes rows; a run that failed at its first changeset adds none.
Commands with nothing to do update the lock's row once or not at all, and do not count as runs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

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
from pg_migration_exporter.liquibase.state.evidence import (
    ChangelogComparison,
    InferredFailure,
    ReportedFailure,
    ReportedRun,
    RunEffect,
)
from pg_migration_exporter.liquibase.state.judgement import Judgement, is_complete
from pg_migration_exporter.liquibase.state.poll import LockSample, Poll
from pg_migration_exporter.liquibase.state.report_memory import (
    CountedRun,
    Period,
    ReportMemory,
    covers,
)
from pg_migration_exporter.liquibase.state.rollback_memory import RollbackMemory
from pg_migration_exporter.liquibase.state.runs import EndedRun, Traces, ended_runs
from pg_migration_exporter.liquibase.state.seen_contents import SeenContents
from pg_migration_exporter.metrics.histograms import DurationHistogram

#: Seconds; PostgreSQL reports at the session's end, or when it has been idle for 10 s.
STATISTICS_DELAY = 15.0
#: Seconds between two reads of the lock's row in which only one command can write it: each starts a
#: JVM.
_SAMPLE_INTERVAL = 2.5
#: Seconds after which rows are counted as a run although the lock's row has not moved.
_LOCK_DELAY = 2.0
#: Seconds within which a session that waited for the lock has taken it, or given up.
_WAITED_WITHIN = 30.0

_NOT_STORED = {
    "polled_at", "sample", "sampled_at", "awaits_rollbacks", "late_rows", "creates_tables",
}  # fmt: skip
#: What earlier versions stored, and what they called it.
_OLD_FIELDS = {"left_out", "ended_after", "lock_version", "lock_first_seen", "holder_last_seen"}
_FAILED_BEFORE = "the last run failed before the exporter was upgraded"
_OLD_EFFECTS = {"updated_rows": RunEffect.UNKNOWN.value}


@dataclass(slots=True)
class ChangelogMemory:
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
    ended_at: float = 0.0
    #: The runs that ended last were noticed at this time, or took the lock.
    noticed_at: float = 0.0
    #: The previous poll; not stored, since a run may end while the exporter is down.
    polled_at: float = 0.0
    acknowledged_at: float = -1.0
    failure: InferredFailure | None = None
    unknown_outcome: str = ""
    #: The run that `failure` is about.
    failed_run: int = 0
    reported_failure: ReportedFailure | None = None
    #: The last run that repaired a failure, and when it ended.
    repaired_run: int = 0
    repaired_at: float = 0.0
    reports: ReportMemory = field(default_factory=ReportMemory)
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
    runs: dict[str, int] = field(default_factory=dict)
    #: Outcomes of runs that ended a moment ago: what proves another outcome may still arrive.
    uncounted: Sequence[str] = ()
    durations: DurationHistogram = field(default_factory=DurationHistogram)
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

    def record_poll(self, poll: Poll, changes: HistoryChanges) -> list[EndedRun]:
        """Return the runs that ended since the previous poll; none as long as it is not idle.

        What they wrote is removed from `changes`.
        """
        noticed_at = self._noticed_at(poll)
        creates_tables = self.is_created
        ended = self._ended_runs(poll, changes)
        if poll.idle:
            ended = self._count_rollbacks(poll, ended, creates_tables=creates_tables)
        if ended:
            is_late = 0 <= poll.now - self.waiters_seen_at < _WAITED_WITHIN
            ended = [replace(run, has_waited=is_late) for run in ended]
            self.noticed_at, self.ended_at = noticed_at, poll.now
            self.removed_by_hand = 0
            self.last_run = ended[-1].effect
            self.run += len(ended)
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
            return ended
        if ended and self.awaits_rollbacks:
            ended = [replace(ended[0], rolled_back=self.take_rollbacks(poll))]
        elif ended:
            self.rollbacks.end_run(poll.transactions, poll.now, connected=poll.connected)
        elif self.unsettled_since is None and not self.awaits_rollbacks:
            self.rollbacks.record_quiet(poll.transactions, poll.now, connected=poll.connected)
        return ended

    def _has_statistics(self, poll: Poll) -> bool:
        """Whether the statistics of the run that ended last have arrived."""
        assert self.counters is not None
        written = poll.counters.rows_written - self.counters.rows_written
        return (
            poll.counters.locks - self.counters.locks >= self.late_lock_updates
            and written >= self.late_rows
        )

    def take_rollbacks(self, poll: Poll) -> RolledBack | None:
        """Return what was rolled back during the run that ended last, once that has arrived."""
        if not self._has_statistics(poll):
            return None
        found = self.rollbacks.since(poll.transactions, poll.now)
        self.rollbacks.end_run(poll.transactions, poll.now, connected=poll.connected)
        self.awaits_rollbacks = False
        return found and replace(found, creates_tables=self.creates_tables)

    @property
    def period(self) -> Period:
        """When the runs ended that ended last, as far as polls show."""
        return Period(self.noticed_at, self.ended_at)

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

    def count_runs(self) -> Sequence[str]:
        """Count the runs that were not counted yet; return their outcomes."""
        counted, self.uncounted = self.uncounted, ()
        for outcome in counted:
            self.runs[outcome] = self.runs.get(outcome, 0) + 1
        return counted

    def record_judgement(self, judgement: Judgement, number: int = 0, at: float = 0.0) -> None:
        """Remember the failure of a run until a later run repairs it.

        `number` is the run's, and `at` when it ended.
        """
        if judgement.report is not None:
            self._set_reported_failure(judgement.report)
            self.failure, self.unknown_outcome = None, ""
        elif judgement.failure is not None:
            self._set_failure(judgement.failure, number)
        elif judgement.repairs:
            self._repair()
            self.repaired_run, self.repaired_at = number, at
        if judgement.unknown:
            self.unknown_outcome = judgement.unknown

    def record_report(
        self, report: ReportedRun, files: ChangelogComparison | None, last_deployment: str | None
    ) -> None:
        """Record a report that is about a run counted before, or about none that was seen.

        `last_deployment` is the DEPLOYMENT_ID of the last row.
        """
        counted = self.reports.find_unreported(report)
        if counted is not None:
            self._record_late_report(report, counted)
        elif report.failed:
            wrote_last = bool(report.deployment) and report.deployment == last_deployment
            received = self.reports.received[report.run_id]
            # The server's clock may be set back.
            if wrote_last or received >= min(self.repaired_at, self.polled_at):
                self._set_reported_failure(report)
        elif self._is_repaired_by(report, files):
            self._repair()

    def _record_late_report(self, report: ReportedRun, counted: CountedRun) -> None:
        """Replace what was inferred about a run, unless a later one has repaired it."""
        is_inferred = counted.number == self.failed_run
        if report.failed:
            if counted.number >= self.repaired_run:
                self._set_reported_failure(report)
        elif not covers([report], counted.run):
            return
        if is_inferred:
            self.failure = None

    def _is_repaired_by(self, report: ReportedRun, files: ChangelogComparison | None) -> bool:
        """Whether a success after the last failure shows that nothing is left to repair.

        The run was not seen in the database: without changelog files, it shows only that its own
        root file has nothing left to run.
        """
        received, failure = self.reports.received[report.run_id], self.reported_failure
        if files is not None and received > self._failed_at and is_complete(report, files):
            return True
        if failure is None or self.failure is not None or received <= failure.at:
            return False
        # A replica of the previous release has nothing to do, and older files.
        is_old = report.is_embedded and bool(failure.changeset)
        had_nothing_to_do = report.command == "update" and files is None and not is_old
        has_run = bool(report.recorded) or had_nothing_to_do
        return has_run and failure.changelog_file == report.changelog_file

    def _repair(self) -> None:
        self.failure, self.reported_failure, self.unknown_outcome = None, None, ""

    def _set_failure(self, failure: InferredFailure, number: int) -> None:
        self.failure, self.failed_run, self.unknown_outcome = failure, number, ""
        reported = self.reported_failure
        if reported is not None and reported.changeset != failure.changeset:
            self.reported_failure = None

    def _set_reported_failure(self, report: ReportedRun) -> None:
        self.reported_failure = ReportedFailure(
            report.run_id,
            self.reports.received[report.run_id],
            report.reason,
            report.changeset,
            report.is_interrupted,
            report.changelog_file,
        )

    def record_lock(self, lock: Lock) -> None:
        """Record the lock as a poll found it."""
        if lock.locked:
            self.saw_lock_held, self.lock_taken = True, lock.taken
        if lock.waiters:
            self.waiters_seen_at = self.rollbacks.disturbed_at = lock.taken + lock.age

    def acknowledge(self, now: float) -> None:
        """Acknowledge every failure up to now."""
        self.acknowledged_at = max(now, self._failed_at)

    @property
    def is_acknowledged(self) -> bool:
        """Whether the failure of the last run, polled or reported, was acknowledged."""
        return self.acknowledged_at >= self._failed_at

    @property
    def _failed_at(self) -> float:
        reported = self.reported_failure
        return max(self.ended_at, reported.at if reported is not None else 0.0)

    def dump(self) -> dict[str, Any]:
        """Return everything durable, as JSON."""
        nested = {
            "durations": self.durations.dump(),
            "lock": self.lock.dump(),
            "rollbacks": self.rollbacks.dump(),
            "contents": self.contents.known,
            "reports": self.reports.dump(),
        }
        plain = replace(self, lock=LockMemory(), reports=ReportMemory())
        fields = asdict(plain) | nested
        return {name: value for name, value in fields.items() if name not in _NOT_STORED}

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> ChangelogMemory:
        """Restore from `dump`. Raises an AttributeError, LookupError, TypeError or ValueError."""
        fields = {name: value for name, value in state.items() if name not in _OLD_FIELDS}
        fields |= _from_old(state)
        counters, failure = fields["counters"], fields.get("failure")
        deployment = fields.get("deployment")
        fields["deployment"] = Deployment(**deployment) if deployment is not None else None
        fields["counters"] = RowCounters(**counters) if counters is not None else None
        fields["failure"] = InferredFailure(**failure) if failure is not None else None
        fields["doubt"] = Continuity(fields.get("doubt", Continuity.SAME))
        reported = fields.get("reported_failure")
        fields["reported_failure"] = ReportedFailure(**reported) if reported is not None else None
        if "reports" in fields:
            fields["reports"] = ReportMemory.load(fields["reports"])
        else:
            fields["repaired_at"] = state.get("ended_after", 0.0)
        statements = fields.get("statements")
        fields["statements"] = LockStatements(**statements) if statements is not None else None
        last_run = fields["last_run"]
        fields["last_run"] = RunEffect(_OLD_EFFECTS.get(last_run, last_run))
        fields["lock"] = LockMemory.load(fields.get("lock", {}))
        contents = fields.get("contents", {}).items()
        fields["contents"] = SeenContents({name: (old, new) for name, (old, new) in contents})
        fields["rollbacks"] = RollbackMemory.load(fields.get("rollbacks", {}))
        fields["durations"] = DurationHistogram.load(fields["durations"])
        memory = _CHECKED.validate_python(asdict(cls(**fields)))
        memory.count_runs()
        return memory


#: Every value of a restored memory has the type that it is declared with.
_CHECKED = TypeAdapter(ChangelogMemory)


def _from_old(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return what 0.1 stored under other names, or computed again at each poll."""
    if "failure" in state:
        return {}
    found = dict[str, Any]()
    if not state.get("saw_lock_held") and state.get("unsettled_since") is None:
        found["settled_version"] = state.get("lock_version", "")
    left_out = state.get("left_out") or [""]
    if state.get("status") == "failed":
        found["failure"] = asdict(InferredFailure(_FAILED_BEFORE, left_out[0]))
    return found
