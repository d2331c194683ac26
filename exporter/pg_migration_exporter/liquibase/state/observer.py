"""Look at one changelog in the database: a round trip of small statements, made into evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg import errors

from pg_migration_exporter.config.schema import LiquibaseSection
from pg_migration_exporter.events import Event, EventKind
from pg_migration_exporter.liquibase.history import tables as sql
from pg_migration_exporter.liquibase.history.history import BEGINNING, History, Row, read_rows
from pg_migration_exporter.liquibase.history.tables import ChangelogTables
from pg_migration_exporter.liquibase.reports.received import ReceivedReports, RunQuery
from pg_migration_exporter.liquibase.state.decide import Decision, MigrationState, decide
from pg_migration_exporter.liquibase.state.evidence import (
    Evidence,
    Expected,
    Lock,
    Reported,
    Run,
    TableAccess,
)
from pg_migration_exporter.liquibase.state.expected import ChangelogFiles
from pg_migration_exporter.liquibase.state.memory import ChangelogMemory, Counters
from pg_migration_exporter.postgres.query import array
from pg_migration_exporter.postgres.rows import Rows
from pg_migration_exporter.postgres.statement_kind import kind_of

#: What may keep the tables from being read, and what it means: evidence, not an error.
_HINDRANCES: dict[type[Exception], TableAccess] = {
    errors.InsufficientPrivilege: TableAccess.NOT_GRANTED,
    errors.LockNotAvailable: TableAccess.BUSY,
    errors.QueryCanceled: TableAccess.BUSY,
    errors.UndefinedTable: TableAccess.DROPPED,
}

#: How a run that ended in a state is counted.
_OUTCOMES = {MigrationState.FAILED: "failed", MigrationState.ROLLED_BACK: "rolled_back"}


@dataclass(slots=True)
class TrackedChangelog:
    """One changelog: its tables now, and everything that is remembered of it."""

    tables: ChangelogTables
    memory: ChangelogMemory
    history: History = field(default_factory=History)
    files: ChangelogFiles | None = None
    shares_lock: bool = False


@dataclass(frozen=True, slots=True)
class ChangelogSnapshot:
    """Evidence, and the state decided from it."""

    evidence: Evidence
    decision: Decision


@dataclass(frozen=True, slots=True)
class _Look:
    """The answers of one round trip."""

    lock: Lock
    counters: Counters
    sessions: list[dict[str, Any]]
    now: float


@dataclass(frozen=True, slots=True)
class Observer:
    """Looks at changelogs over one session; `datname` names the database in events."""

    ask: RunQuery
    settings: LiquibaseSection
    datname: str
    emit: Callable[[Event], None]
    reports: ReceivedReports
    commit_timestamps: bool

    async def observe(self, subject: TrackedChangelog) -> ChangelogSnapshot:
        """Look at one changelog, remember, tell what happened, decide the state."""
        evidence = await self._evidence(subject)
        if isinstance(evidence, TableAccess):
            return _judged(Evidence(evidence))
        observation = _judged(evidence[0])
        self._conclude(subject, observation.decision, ended=evidence[1])
        return observation

    async def _evidence(self, subject: TrackedChangelog) -> tuple[Evidence, int] | TableAccess:
        """The evidence and how many runs ended; or what keeps the tables from being read."""
        tables = subject.tables
        if tables.lock is None:
            return TableAccess.ABSENT  # Liquibase is about to make it
        if not (tables.history.readable and tables.lock.readable):
            return TableAccess.NOT_GRANTED
        if subject.memory.see_table(tables.history.oid):
            subject.history = History()
        try:
            look = await self._look(subject)
        except tuple(_HINDRANCES) as error:
            return _HINDRANCES[type(error)]
        reported = self.reports.latest(self.datname, tables.name)
        expected = await self._expected(subject)
        others = subject.shares_lock and not (expected and expected.pending)
        evidence, ended = self._remember(subject.memory, look, reported, others=others)
        if ended:
            expected = await self._expected(subject, fresh=True)
            subject.memory.see_left_out(expected.pending if expected else ())
        return replace(
            evidence,
            applied=len(subject.history.checksums),
            reported_elsewhere=self.reports.elsewhere(self.datname, tables.name),
            expected=expected,
            left_out=tuple(subject.memory.left_out),
        ), ended

    async def _expected(self, subject: TrackedChangelog, *, fresh: bool = False) -> Expected | None:
        if subject.files is None:
            return None
        return await subject.files.expected(subject.history, fresh=fresh)

    async def _look(self, subject: TrackedChangelog) -> _Look:
        tables, history = subject.tables, subject.history
        assert tables.lock is not None
        lock, counters, sessions, rows = await asyncio.gather(
            self.ask(sql.READ_LOCK, lock=tables.lock.quoted, committed=self._committed),
            self.ask(sql.READ_COUNTERS, str(tables.history.oid), str(tables.lock.oid)),
            self.ask(
                sql.READ_SESSIONS, array(self.settings.application_names), str(tables.lock.owner)
            ),
            self._read_rows(subject, history.position),
        )
        look = self._read_look(subject.memory, lock.named()[0], counters, sessions)
        self._see_rows(subject, history.add(rows))
        if not history.is_complete(look.counters, look.now):
            everything = await self._read_rows(subject, BEGINNING)
            before = set(history.checksums)
            self._see_rows(subject, history.replace(everything, look.counters, look.now))
            self._see_removal(subject, before - set(history.checksums))
        return look

    def _read_look(
        self, memory: ChangelogMemory, row: dict[str, Any], counters: Rows, sessions: Rows
    ) -> _Look:
        lock = memory.see_lock(
            locked=bool(row["locked"]),
            locked_by=row["lockedby"] or "",
            version=row["version"] or "",
            taken=row["committed"],
            now=row["now"],
        )
        return _Look(lock, Counters(*counters.rows[0]), sessions.named(), row["now"])

    async def _read_rows(self, subject: TrackedChangelog, behind: str) -> list[Row]:
        quoted = subject.tables.history.quoted
        answer = await self.ask(sql.READ_ROWS, behind, history=quoted, committed=self._committed)
        return read_rows(answer.rows)

    def _see_rows(self, subject: TrackedChangelog, new: Sequence[Row]) -> None:
        """Count and tell the changesets that were recorded since the last look."""
        memory = subject.memory
        if memory.last_order is not None:
            previous = None
            for row in new:
                if row.order > memory.last_order:
                    self._see_changeset(subject, row, _seconds_between(previous, row))
                previous = row
        if subject.history.last is not None:
            memory.last_order = subject.history.last.order
        elif memory.last_order is None:
            memory.last_order = 0

    def _see_changeset(self, subject: TrackedChangelog, row: Row, seconds: float | None) -> None:
        details: dict[str, str | float | int] = {"exectype": row.exectype}
        if seconds is None and row.committed is not None and subject.memory.lock_taken:
            # The first of its run began when the lock was taken.
            seconds = row.committed - subject.memory.lock_taken
        if seconds is not None and seconds >= 0 and row.exectype != "MARK_RAN":
            subject.memory.durations.observe(seconds)
            details["seconds"] = round(seconds, 3)
        self._emit(EventKind.CHANGESET_APPLIED, row.identity, details)

    def _see_removal(self, subject: TrackedChangelog, gone: set[str]) -> None:
        if gone:
            details: dict[str, str | float | int] = {"changesets": len(gone)}
            self._emit(EventKind.CHANGESETS_REMOVED, subject.tables.name, details)

    def _remember(
        self, memory: ChangelogMemory, look: _Look, reported: Reported | None, *, others: bool
    ) -> tuple[Evidence, int]:
        named = [one for one in look.sessions if one["named"]]
        at_work = [one for one in named if one["working"]]
        under_way = reported is not None and reported.under_way
        quiet = not (look.lock.locked or named or under_way)
        ended = memory.see_counters(look.counters, quiet=quiet, now=look.now, others=others)
        evidence = Evidence(
            TableAccess.COMPLETE,
            lock=memory.see_holder(
                look.lock, (one["started"] for one in look.sessions), now=look.now
            ),
            sessions=len(at_work),
            statement=next((kind_of(one["statement"]) for one in at_work if one["statement"]), ""),
            blocked=any(
                one["blocked"] and (one["named"] or one["started"] <= look.lock.taken)
                for one in look.sessions
            ),
            last_run=memory.last_run,
            ended_after=memory.ended_after,
            acknowledged=memory.is_acknowledged(reported),
            reported=reported,
            stale_lock_after=self.settings.stale_lock_after,
        )
        return evidence, ended

    def _conclude(self, subject: TrackedChangelog, decision: Decision, *, ended: int) -> None:
        """Count runs that ended with what they led to, and tell when the state changes."""
        memory = subject.memory
        if ended:
            outcome = _OUTCOMES.get(decision.status, "succeeded")
            if memory.last_run is Run.MAYBE_LEFT_NO_ROW and decision.source == "database":
                outcome = "unknown"
            memory.count_runs(outcome, ended)
            self._emit(EventKind.RUN_ENDED, subject.tables.name, {"outcome": outcome})
        if decision.status != memory.status:
            details: dict[str, str | float | int] = {
                "before": memory.status,
                "now": decision.status.value,
                "reason": decision.reason,
            }
            memory.status = decision.status.value
            self._emit(EventKind.MIGRATION_STATE, subject.tables.name, details)

    def _emit(self, kind: EventKind, subject: str, details: dict[str, str | float | int]) -> None:
        self.emit(Event(kind, self.datname, subject, details))

    @property
    def _committed(self) -> str:
        return sql.COMMITTED if self.commit_timestamps else sql.NOT_COMMITTED


def _judged(evidence: Evidence) -> ChangelogSnapshot:
    return ChangelogSnapshot(evidence, decide(evidence))


def _seconds_between(previous: Row | None, row: Row) -> float | None:
    """How long a changeset took: since the one before it in the same deployment was recorded."""
    if previous is None or previous.deployment_id != row.deployment_id:
        return None
    if previous.executed is None or row.executed is None:
        return None
    return row.executed - previous.executed


def deployment_time(row: Row, now: float) -> float | None:
    """When a changeset was recorded, in seconds since the epoch: its commit, or where that is not
    kept the start of its run.

    DEPLOYMENT_ID is the client's clock in milliseconds modulo 10^10, which wraps every 115.7 days:
    the latest such time is meant. A minute of grace is given to a client whose clock is ahead.
    """
    if row.committed is not None:
        return row.committed
    deployment_id = row.deployment_id or ""
    if not (deployment_id.isascii() and deployment_id.isdigit()):
        return None
    latest = int((now + 60) * 1000)
    return (latest - (latest - int(deployment_id)) % 10**10) / 1000
