"""Poll one changelog: read its tables in one round trip, and decide its state."""

from __future__ import annotations

import time
from collections.abc import Callable
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
from pg_migration_exporter.liquibase.history.changes import ChangeKind
from pg_migration_exporter.liquibase.history.rollbacks import LastRun
from pg_migration_exporter.liquibase.history.room import (
    HistoryRoom,
    TooManyChangesetsError,
)
from pg_migration_exporter.liquibase.history.statements import LockStatements
from pg_migration_exporter.liquibase.history.tables import ChangelogTables
from pg_migration_exporter.liquibase.locks.reader import is_key_held
from pg_migration_exporter.liquibase.logs.received import ReceivedErrors
from pg_migration_exporter.liquibase.reports.received import ReceivedReports
from pg_migration_exporter.liquibase.run_query import RunQuery
from pg_migration_exporter.liquibase.state.decide import decide
from pg_migration_exporter.liquibase.state.evidence import (
    ChangelogComparison,
    Evidence,
    ReportedRun,
    TableAccess,
)
from pg_migration_exporter.liquibase.state.memory import ChangelogMemory
from pg_migration_exporter.liquibase.state.poll import LockSample, Poll
from pg_migration_exporter.liquibase.state.run_judge import RunJudge
from pg_migration_exporter.liquibase.state.table_reader import Answers, TableReader
from pg_migration_exporter.liquibase.state.tracked import ChangelogSnapshot, TrackedChangelog
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


#: Seconds without a poll, such as during a restart, after which the start of a run is not known.
_UNWATCHED = 60.0
#: Seconds after which statements that could not be read are tried again.
_UNREADABLE_FOR = 60.0


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

    @property
    def _tables(self) -> TableReader:
        return TableReader(
            self.query,
            self.datname,
            self.emit,
            self.settings.application_names,
            self.commit_timestamps,
            self.room,
            self.is_standby,
            self.next_xid,
        )

    @property
    def _judge(self) -> RunJudge:
        return RunJudge(
            self.query,
            self.datname,
            self.emit,
            self.reports,
            self.settings.application_names,
            self.log_errors,
        )

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
            changelog.history = self._tables.unread_history(changelog)
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
            changelog.history = self._tables.unread_history(changelog)
        lock = changelog.tables.lock
        try:
            answers = await self._read_tables(changelog)
        except tuple(_ACCESS_ERRORS) as error:
            return Evidence(_ACCESS_ERRORS[type(error)])
        evidence = await self._update_memory(changelog, answers)
        return replace(evidence, has_lost_lock=changelog.tables.lock != lock)

    async def _read_tables(self, changelog: TrackedChangelog) -> Answers:
        """Read the tables: the history alone if the lock was dropped since they were found."""
        try:
            return await self._tables.read(changelog)
        except errors.UndefinedTable:
            if changelog.tables.lock is None:
                raise
            changelog.tables = replace(changelog.tables, lock=None)
            return await self._tables.read(changelog)

    async def _update_memory(self, changelog: TrackedChangelog, answers: Answers) -> Evidence:
        """Update the memory, and return the evidence.

        Whatever runs need is read first: a scrape may be ended at its deadline while it waits.
        """
        memory, changes = changelog.memory, changelog.history.changes
        reported = self.reports.latest(self.datname, changelog.name)
        poll = self._poll(changelog, answers, reported)
        if memory.needs_statements(poll, changes):
            poll = replace(poll, statements=await self._count_statements(changelog))
        has_traces = memory.has_traces(poll, changes)
        last_run = await self._read_last_run(changelog) if has_traces else LastRun()
        files = await self._compare_files(changelog, fresh=has_traces)
        self._record(changelog, poll, answers, files, last_run)
        await self._judge.revise(changelog, answers.now)
        if memory.statements is None:
            memory.statements = await self._count_statements(changelog)
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
            is_unproven=changelog.judged is not None and changelog.judged.is_unproven,
            reported_failure=memory.reported_failure,
            acknowledged=memory.is_acknowledged,
            files=files,
            reported_run=reported,
            reported_elsewhere=self.reports.other_servers(self.datname, changelog.name),
            stale_lock_after=self.settings.stale_lock_after,
        )

    def _record(
        self,
        changelog: TrackedChangelog,
        poll: Poll,
        answers: Answers,
        files: ChangelogComparison | None,
        last_run: LastRun,
    ) -> None:
        """Record the poll, and judge the runs that it shows to have ended."""
        memory = changelog.memory
        if answers.now - memory.polled_at > _UNWATCHED:
            changelog.quiet_at = 0.0
        if answers.lock.holder_pid is not None:
            changelog.holders |= {answers.lock.holder_pid}
        repaired_at = self._repaired_at(changelog, answers.now)
        if memory.counters is None:
            memory.repaired_at = max(memory.repaired_at, repaired_at)
        ended = memory.record_poll(poll, changelog.history.changes)
        ended = [replace(run, last=last_run) for run in ended]
        self._judge.judge(changelog, ended, files, answers, repaired_at)
        if not ended and poll.idle:
            self._judge.judge_late(changelog, poll)

    def _poll(
        self, changelog: TrackedChangelog, answers: Answers, reported: ReportedRun | None
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

    async def _read_last_run(self, changelog: TrackedChangelog) -> LastRun:
        """Return what the history and the catalog show of a run that may have ended."""
        first = changelog.history.changes.of(ChangeKind.ADDED, ChangeKind.RERAN)[:1]
        try:
            answer = await self.query(
                rollbacks.READ_LAST_RUN,
                changelog.memory.settled_version,
                "".join(str(row.xid) for row in first),
                history=changelog.tables.history.guarded,
            )
        except errors.DatabaseError:
            return LastRun()
        return LastRun.read(answer)

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


def _unfit(problem: str) -> Evidence:
    return Evidence(TableAccess.UNFIT, one_line(problem))


def _table_access(tables: ChangelogTables) -> TableAccess:
    if tables.has_refused_lock:
        return TableAccess.REFUSED
    is_readable = tables.history.readable and (tables.lock is None or tables.lock.readable)
    return TableAccess.COMPLETE if is_readable else TableAccess.NOT_GRANTED


def _is_idle(answers: Answers, reported: ReportedRun | None) -> bool:
    """Whether nothing indicates a run in progress."""
    is_reported = reported is not None and reported.under_way
    return answers.run.is_quiet and not (answers.lock.locked or is_reported)
