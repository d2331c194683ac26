"""Poll one changelog: read its tables in one round trip, and decide its state."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import psycopg
from psycopg import errors

from pg_migration_exporter.config.schema import LiquibaseSection
from pg_migration_exporter.errors import UnfitAnswerError
from pg_migration_exporter.events import Event, EventKind
from pg_migration_exporter.formatting import one_line
from pg_migration_exporter.liquibase.history import rollbacks, statements
from pg_migration_exporter.liquibase.history import tables as sql
from pg_migration_exporter.liquibase.history.counters import RowCounters
from pg_migration_exporter.liquibase.history.deployment import deployment_of
from pg_migration_exporter.liquibase.history.history import History, WholeTable
from pg_migration_exporter.liquibase.history.lineage import Continuity
from pg_migration_exporter.liquibase.history.rollbacks import Transactions
from pg_migration_exporter.liquibase.history.room import (
    HistoryRoom,
    TooManyChangesetsError,
    size_of,
)
from pg_migration_exporter.liquibase.history.row import BEGINNING, Row, read_rows, tid_of
from pg_migration_exporter.liquibase.history.statements import LockStatements
from pg_migration_exporter.liquibase.history.tables import ChangelogTables
from pg_migration_exporter.liquibase.locks.lock import Lock, LockKind
from pg_migration_exporter.liquibase.locks.reader import LockReader, is_key_held
from pg_migration_exporter.liquibase.locks.row import LockRow
from pg_migration_exporter.liquibase.locks.work import RunSessions
from pg_migration_exporter.liquibase.logs.received import ReceivedErrors
from pg_migration_exporter.liquibase.logs.run_errors import RunErrors, RunPeriod
from pg_migration_exporter.liquibase.reports.received import ReceivedReports
from pg_migration_exporter.liquibase.run_query import RunQuery
from pg_migration_exporter.liquibase.state.applied_changesets import AppliedChangesets
from pg_migration_exporter.liquibase.state.decide import decide
from pg_migration_exporter.liquibase.state.evidence import (
    ChangelogComparison,
    Evidence,
    ReportedRun,
    RunEffect,
    TableAccess,
)
from pg_migration_exporter.liquibase.state.judged_runs import LOG_DELAY, JudgedRun, JudgedRuns
from pg_migration_exporter.liquibase.state.judgement import as_reported, judge
from pg_migration_exporter.liquibase.state.memory import STATISTICS_DELAY, ChangelogMemory
from pg_migration_exporter.liquibase.state.poll import LockSample, Poll
from pg_migration_exporter.liquibase.state.runs import EndedRun
from pg_migration_exporter.liquibase.state.tracked import ChangelogSnapshot, TrackedChangelog
from pg_migration_exporter.postgres.rows import Rows
from pg_migration_exporter.postgres.session import SessionLostError

#: Errors that are evidence: the tables cannot be read.
_ACCESS_ERRORS: dict[type[Exception], TableAccess] = {
    errors.InsufficientPrivilege: TableAccess.NOT_GRANTED,
    errors.LockNotAvailable: TableAccess.BUSY,
    errors.QueryCanceled: TableAccess.BUSY,
    errors.UndefinedTable: TableAccess.DROPPED,
    # The guard of a table found another one, or a view, in its place.
    errors.DivisionByZero: TableAccess.REFUSED,
    errors.WrongObjectType: TableAccess.REFUSED,
}


#: Seconds; a run that lasts longer is seen while it holds its lock.
_SHORT_RUN = 60.0
#: Seconds without a poll, such as during a restart, after which the start of a run is not known.
_UNWATCHED = 60.0
#: Seconds for which errors then still count: later, other sessions than a run's are new too.
_LONGEST_UNWATCHED = 300.0


#: Seconds after which statements that could not be read are tried again.
_UNREADABLE_FOR = 60.0
#: Seconds by which the traces of a run may arrive late.
_TRACES_DELAY = 30.0


@dataclass(frozen=True, slots=True)
class _Answers:
    """The results of one round trip."""

    lock: Lock
    lock_version: str
    counters: RowCounters
    run: RunSessions
    now: float
    transactions: Transactions | None


@dataclass(frozen=True, slots=True)
class ChangelogReader:
    """Reads the changelogs of one database; `datname` is its name in events."""

    query: RunQuery
    settings: LiquibaseSection
    datname: str
    emit: Callable[[Event], None]
    reports: ReceivedReports
    commit_timestamps: bool
    room: HistoryRoom
    #: Where pg_stat_statements is installed, as SQL; None where it cannot be read.
    statements_schema: str | None = None
    is_standby: bool = False
    #: Errors of the server's log; None where none arrive.
    log_errors: ReceivedErrors | None = None
    #: The transaction that begins next, None if it is not known.
    next_xid: int | None = None

    async def read(self, changelog: TrackedChangelog) -> ChangelogSnapshot:
        """Read one changelog, update its memory, emit events, decide its state."""
        evidence = await self._isolated_evidence(changelog)
        snapshot = ChangelogSnapshot(changelog.name, evidence, decide(evidence))
        if evidence.table_access is TableAccess.COMPLETE:
            self._emit_state_change(changelog.memory, snapshot)
        return snapshot

    async def _isolated_evidence(self, changelog: TrackedChangelog) -> Evidence:
        """Return the evidence; whatever is wrong with one history costs that one alone."""
        if changelog.refused is not None:
            return changelog.refused
        try:
            return await self._evidence(changelog)
        except SessionLostError:
            raise
        except TooManyChangesetsError:
            changelog.history = self._unread_history(changelog)
            return changelog.refuse(Evidence(TableAccess.TOO_LARGE))
        except UnfitAnswerError as error:
            return changelog.refuse(_unfit(str(error)))
        except psycopg.Error as error:
            return _unfit(str(error))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            return _unfit(repr(error))

    async def _evidence(self, changelog: TrackedChangelog) -> Evidence:
        access = _table_access(changelog.tables)
        if access is not TableAccess.COMPLETE:
            return Evidence(access)
        if changelog.memory.record_table(changelog.tables.history.oid):
            changelog.history = self._unread_history(changelog)
        try:
            answers = await self._query_tables(changelog)
        except tuple(_ACCESS_ERRORS) as error:
            return Evidence(_ACCESS_ERRORS[type(error)])
        return await self._update_memory(changelog, answers)

    async def _query_tables(self, changelog: TrackedChangelog) -> _Answers:
        tables, memory = changelog.tables, changelog.memory
        lock_oid = tables.lock.oid if tables.lock is not None else 0
        locks = LockReader(
            self.query,
            self.settings.application_names,
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
        answers = _Answers(
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
        self, changelog: TrackedChangelog, rows: Sequence[Row], answers: _Answers, lock: LockRow
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
            changelog.history = self._unread_history(changelog)
        else:
            memory.start_over(answers.now)
            memory.oid, changelog.history = changelog.tables.history.oid, History()
            changelog.judged = None
        return True

    def _unread_history(self, changelog: TrackedChangelog) -> History:
        return History(known=changelog.memory.known_history(self.next_xid))

    async def _update_history(
        self, changelog: TrackedChangelog, part: list[Row], answers: _Answers
    ) -> None:
        """Add new rows; reread the table if rows were also changed or removed.

        `part` are the first rows behind the position of the history.
        """
        history = changelog.history
        if not history.is_unread:
            new = list[Row]()
            await self._read_behind(changelog, part, lambda rows: new.extend(history.add(rows)))
            self._applied.record(changelog, new)
            if history.is_complete(
                answers.counters,
                answers.lock_version,
                answers.now,
                is_standby=self.is_standby,
            ):
                return
            self.room.free += history.contents.size
            part = await self._read_part(changelog, BEGINNING)
        table = WholeTable(history, changelog.memory.last_order)
        await self._read_behind(changelog, part, table.add)
        gone = history.replace(table, answers.counters, answers.lock_version, answers.now)
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
            except BaseException:
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

    async def _update_memory(self, changelog: TrackedChangelog, answers: _Answers) -> Evidence:
        memory = changelog.memory
        reported = self.reports.latest(self.datname, changelog.name)
        poll = self._poll(changelog, answers, reported)
        if answers.now - memory.polled_at > _UNWATCHED:
            changelog.quiet_at = 0.0
        if answers.lock.holder_pid is not None:
            changelog.holders |= {answers.lock.holder_pid}
        if memory.needs_statements(poll, changelog.history.changes):
            poll = replace(poll, statements=await self._count_statements(changelog))
        repaired_at = self._repaired_at(changelog, answers.now)
        if memory.counters is None:
            memory.repaired_at = max(memory.repaired_at, repaired_at)
        ended = memory.record_poll(poll, changelog.history.changes)
        ended = [await self._describe(changelog, run) for run in ended]
        if memory.statements is None:
            memory.statements = await self._count_statements(changelog)
        files = await self._compare_files(changelog, fresh=bool(ended))
        self._judge(changelog, ended, files, answers, repaired_at)
        if not ended and poll.idle and changelog.judged is not None:
            await self._judge_late(changelog, changelog.judged, poll)
        await self._revise(changelog, answers)
        if poll.idle and memory.is_settled:
            changelog.quiet_at, changelog.holders = answers.now, frozenset()
        return Evidence(
            TableAccess.COMPLETE,
            lock=answers.lock,
            sessions=len(answers.run.at_work),
            statement=answers.run.statement,
            blocked=answers.run.blocked,
            applied=len(changelog.history.contents.recorded),
            last_run=memory.last_run,
            removed_by_hand=memory.removed_by_hand,
            is_recording=bool(changelog.history.changes),
            inferred_failure=memory.failure,
            unknown_outcome=memory.unknown_outcome,
            reported_failure=memory.reported_failure,
            acknowledged=memory.is_acknowledged,
            files=files,
            reported_run=reported,
            reported_elsewhere=self.reports.other_servers(self.datname, changelog.name),
            stale_lock_after=self.settings.stale_lock_after,
        )

    def _poll(
        self, changelog: TrackedChangelog, answers: _Answers, reported: ReportedRun | None
    ) -> Poll:
        history = changelog.history.contents
        return Poll(
            answers.counters,
            answers.lock_version,
            idle=_is_idle(answers, reported),
            now=answers.now,
            locked=answers.lock.locked,
            is_sampled=changelog.memory.is_sampled,
            connected=answers.run.may_report,
            ignore_empty_runs=changelog.shares_lock and not changelog.had_pending,
            rows=len(history.recorded),
            last_order=history.last.order if history.last else 0,
            transactions=answers.transactions,
        )

    def _judge(
        self,
        changelog: TrackedChangelog,
        ended: Sequence[EndedRun],
        files: ChangelogComparison | None,
        answers: _Answers,
        repaired_at: float,
    ) -> None:
        """Record the outcome of the runs that ended, and the reports that are about none of them.

        A report says how its run ended.
        """
        memory, last = changelog.memory, changelog.history.contents.last
        readable = files if files and files.unreadable is None else None
        began = _began(changelog.history, answers)
        reports = self.reports.ended(self.datname, changelog.name)
        received = memory.reports.receive(reports, answers.now)
        about = memory.reports.assign(ended, reports, memory.period)
        judged = list[JudgedRun]()
        if changelog.is_replicated:  # a subscription writes no transaction of a changeset
            ended = [replace(run, is_consecutive=False) for run in ended]
        for number, (run, found) in enumerate(
            zip(ended, about, strict=True), memory.run - len(ended) + 1
        ):
            expected = changelog.expected_by(run, readable, began)
            inferred = judge(run, readable, expected)
            by_report = as_reported(inferred, found, run, readable)
            is_reported = by_report is not None
            judged.append(JudgedRun(run, by_report or inferred, expected, is_reported, number))
            if not found:
                memory.reports.count_unreported(run, number, memory.period)
        if judged:
            self._record_runs(changelog, judged, readable, answers, repaired_at)
        for report in received:
            if report.run_id not in memory.reports.matched:
                memory.record_report(report, readable, last.deployment_id if last else None)
        if readable is not None:
            changelog.record_files(readable)

    def _record_runs(
        self,
        changelog: TrackedChangelog,
        judged: list[JudgedRun],
        files: ChangelogComparison | None,
        answers: _Answers,
        repaired_at: float,
    ) -> None:
        memory = changelog.memory
        self._count_runs(changelog)
        changelog.judged = JudgedRuns(
            judged,
            files,
            _period(changelog, answers.now),
            changelog.history.contents.last,
            memory.failure,
            memory.unknown_outcome,
            count_at=answers.now + (STATISTICS_DELAY if memory.awaits_rollbacks else LOG_DELAY),
            reported_failure=memory.reported_failure,
            repaired_run=memory.repaired_run,
            repaired_at=memory.repaired_at,
            ended_at=repaired_at,
        )
        changelog.judged.record(memory)
        last = judged[-1]
        is_update = last.run.effect is RunEffect.ADDED_ROWS
        if is_update and last.judgement.outcome == "succeeded" and changelog.files is not None:
            changelog.files.accept_edited(memory.contents)

    async def _describe(self, changelog: TrackedChangelog, run: EndedRun) -> EndedRun:
        """Return the run with what its rolled back transactions are compared with."""
        if run.rolled_back is None:
            return replace(run, is_late=changelog.memory.awaits_rollbacks)
        history = changelog.tables.history.guarded
        try:
            answer = await self.query(rollbacks.READ_LAST_RUN, history=history)
        except errors.DatabaseError:
            return run
        [(version, has_invalid_index)] = answer.rows
        described = replace(
            run.rolled_back, version=version or "", has_invalid_index=has_invalid_index
        )
        return replace(run, rolled_back=described)

    async def _judge_late(
        self, changelog: TrackedChangelog, judged: JudgedRuns, poll: Poll
    ) -> None:
        """Judge the last run again once its statistics have arrived, or do not any more."""
        memory = changelog.memory
        if not memory.awaits_rollbacks:
            return
        rolled_back = memory.take_rollbacks(poll)
        if rolled_back is None and poll.now < judged.count_at:
            return
        memory.awaits_rollbacks = False
        [last] = judged.runs
        run = replace(last.run, rolled_back=rolled_back, is_late=False)
        judged.judge_again(await self._describe(changelog, run), memory)

    async def _revise(self, changelog: TrackedChangelog, answers: _Answers) -> None:
        """Revise the outcome of the last runs by errors of the log; count them when it is due."""
        judged, received = changelog.judged, self.log_errors
        if judged is None:
            return
        if received is not None and judged.searched != received.received:
            judged.searched = received.received
            await self._search_log(changelog, judged, received)
        is_due = judged.are_proven or answers.now >= judged.count_at
        if is_due or (received is None and not changelog.memory.awaits_rollbacks):
            self._count_runs(changelog)

    async def _search_log(
        self, changelog: TrackedChangelog, judged: JudgedRuns, received: ReceivedErrors
    ) -> None:
        recognizer = RunErrors(self.query, changelog.tables, self.settings.application_names)
        period, tolerated = judged.period, 0
        for error in received.between(self.datname, period.began, period.ended):
            if judged.is_logged:
                return
            if await recognizer.is_of_run(error, period):
                judged.apply(error, changelog.memory)
                tolerated += judged.is_tolerated(error)
        judged.excuse(tolerated, changelog.memory)

    def _count_runs(self, changelog: TrackedChangelog) -> None:
        for outcome in changelog.memory.count_runs():
            self._emit(EventKind.RUN_ENDED, changelog.name, {"outcome": outcome})

    def _repaired_at(self, changelog: TrackedChangelog, now: float) -> float:
        """Return when a run ended that this poll finds: for the first poll, when its rows began."""
        last = changelog.history.contents.last
        if changelog.memory.polled_at or last is None:
            return now
        return last.deployed_at(now) or 0.0

    async def _count_statements(self, changelog: TrackedChangelog) -> LockStatements | None:
        """Return the calls; None where they cannot be read, which is tried again after a while."""
        lock, now = changelog.tables.lock, time.monotonic()
        is_due = now >= changelog.statements_due_at
        if self.statements_schema is None or lock is None or not is_due:
            return None
        found = None
        with suppress(errors.DatabaseError):
            found = LockStatements.read(
                await self.query(statements.COUNT, lock.relname, schema=self.statements_schema)
            )
        changelog.statements_due_at = now + (_UNREADABLE_FOR if found is None else 0.0)
        return found

    async def _compare_files(
        self, changelog: TrackedChangelog, *, fresh: bool = False
    ) -> ChangelogComparison | None:
        if changelog.files is None:
            return None
        return await changelog.files.compare(
            changelog.history, changelog.memory.contents, fresh=fresh
        )

    def _emit_state_change(self, memory: ChangelogMemory, snapshot: ChangelogSnapshot) -> None:
        decision = snapshot.decision
        if decision.status != memory.status:
            details: dict[str, str | float | int] = {
                "before": memory.status,
                "now": decision.status.value,
                "reason": decision.reason,
            }
            memory.status = decision.status.value
            self._emit(EventKind.MIGRATION_STATE, snapshot.changelog, details)

    def _emit(self, kind: EventKind, subject: str, details: dict[str, str | float | int]) -> None:
        self.emit(Event(kind, self.datname, subject, details))

    @property
    def _committed(self) -> str:
        return sql.COMMITTED if self.commit_timestamps else sql.NOT_COMMITTED


async def is_lock_written(query: RunQuery, changelog: TrackedChangelog) -> bool:
    """Whether the lock was written, taken or released since it was last read, as far as known."""
    lock, memory = changelog.tables.lock, changelog.memory
    sample = LockSample()
    if lock is not None:
        if not lock.readable:
            return False
        try:
            answer = await query(sql.SAMPLE_LOCK, str(lock.oid), lock=lock.guarded)
        except tuple(_ACCESS_ERRORS):
            return False
        sample = LockSample(*answer.rows[0]) if answer.rows else sample
    if memory.lock.expects_key(changelog.tables):
        sample = replace(sample, locked=await is_key_held(query, changelog.tables))
    return memory.record_sample(sample)


def _began(history: History, answers: _Answers) -> float:
    """Return when the last run began, in seconds since the epoch, as far as its traces show.

    A short run began when its deployment did, by the client's clock; the lock of one that was over
    before a poll was first seen afterwards.
    """
    seen = answers.lock.taken or answers.now
    last = history.contents.last
    deployed = last.deployed_at(answers.now) if last else None
    is_near = deployed is not None and 0 <= seen - deployed <= _SHORT_RUN
    return deployed if deployed is not None and is_near else seen


def _size(rows: Sequence[Row]) -> int:
    return sum(size_of(row.identity) for row in rows)


def _unfit(problem: str) -> Evidence:
    return Evidence(TableAccess.UNFIT, one_line(problem))


def _table_access(tables: ChangelogTables) -> TableAccess:
    if tables.has_refused_lock:
        return TableAccess.REFUSED
    is_readable = tables.history.readable and (tables.lock is None or tables.lock.readable)
    return TableAccess.COMPLETE if is_readable else TableAccess.NOT_GRANTED


def _period(changelog: TrackedChangelog, ended: float) -> RunPeriod:
    """Return since when the runs that have ended can have been in progress.

    They began after the runs before them had ended, whose errors are not theirs.
    """
    before = changelog.judged.period.ended if changelog.judged is not None else 0.0
    noticed_at = changelog.memory.noticed_at
    earliest = max(noticed_at - _TRACES_DELAY, ended - _LONGEST_UNWATCHED, min(before, noticed_at))
    return RunPeriod(changelog.quiet_at or earliest, ended, changelog.holders)


def _is_idle(answers: _Answers, reported: ReportedRun | None) -> bool:
    """Whether nothing indicates a run in progress."""
    is_reported = reported is not None and reported.under_way
    return answers.run.is_quiet and not (answers.lock.locked or is_reported)
