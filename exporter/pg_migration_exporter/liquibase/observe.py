"""Look at one changelog in the database: a round trip of small statements, made into evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg import errors

from pg_migration_exporter.config.schema import LiquibaseSection
from pg_migration_exporter.liquibase import tables as sql
from pg_migration_exporter.liquibase.evidence import (
    Evidence,
    Expected,
    Lock,
    Reading,
    Reported,
    Run,
)
from pg_migration_exporter.liquibase.files import ChangelogFiles
from pg_migration_exporter.liquibase.history import BEGINNING, History, Row, read_rows
from pg_migration_exporter.liquibase.memory import Counters, Memory
from pg_migration_exporter.liquibase.reports import Ask, Reports
from pg_migration_exporter.liquibase.state import Status, Verdict, decide
from pg_migration_exporter.liquibase.tables import ChangelogTables
from pg_migration_exporter.postgres.query import array
from pg_migration_exporter.postgres.rows import Rows
from pg_migration_exporter.postgres.statement import kind_of
from pg_migration_exporter.watch.events import Event, EventLog

#: What may keep the tables from being read, and what it means: evidence, not an error.
_HINDRANCES: dict[type[Exception], Reading] = {
    errors.InsufficientPrivilege: Reading.NOT_GRANTED,
    errors.LockNotAvailable: Reading.BUSY,
    errors.QueryCanceled: Reading.BUSY,
    errors.UndefinedTable: Reading.DROPPED,
}

#: How a run that ended in a state is counted.
_OUTCOMES = {Status.FAILED: "failed", Status.ROLLED_BACK: "rolled_back"}


@dataclass(slots=True)
class Subject:
    """One changelog: its tables now, and everything that is remembered of it."""

    tables: ChangelogTables
    memory: Memory
    history: History = field(default_factory=History)
    files: ChangelogFiles | None = None
    shares_lock: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """Evidence, and the state decided from it."""

    evidence: Evidence
    verdict: Verdict


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

    ask: Ask
    settings: LiquibaseSection
    datname: str
    events: EventLog
    reports: Reports
    commit_timestamps: bool

    async def observe(self, subject: Subject) -> Observation:
        """Look at one changelog, remember, tell what happened, decide the state."""
        evidence = await self._evidence(subject)
        if isinstance(evidence, Reading):
            return _judged(Evidence(evidence))
        observation = _judged(evidence[0])
        self._conclude(subject, observation.verdict, ended=evidence[1])
        return observation

    async def _evidence(self, subject: Subject) -> tuple[Evidence, int] | Reading:
        """The evidence and how many runs ended; or what keeps the tables from being read."""
        tables = subject.tables
        if tables.lock is None:
            return Reading.ABSENT  # Liquibase is about to make it
        if not (tables.history.readable and tables.lock.readable):
            return Reading.NOT_GRANTED
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

    async def _expected(self, subject: Subject, *, fresh: bool = False) -> Expected | None:
        if subject.files is None:
            return None
        return await subject.files.expected(subject.history, fresh=fresh)

    async def _look(self, subject: Subject) -> _Look:
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
        self, memory: Memory, row: dict[str, Any], counters: Rows, sessions: Rows
    ) -> _Look:
        lock = memory.see_lock(
            locked=bool(row["locked"]),
            locked_by=row["lockedby"] or "",
            version=row["version"] or "",
            taken=row["committed"],
            now=row["now"],
        )
        return _Look(lock, Counters(*counters.rows[0]), sessions.named(), row["now"])

    async def _read_rows(self, subject: Subject, behind: str) -> list[Row]:
        quoted = subject.tables.history.quoted
        answer = await self.ask(sql.READ_ROWS, behind, history=quoted, committed=self._committed)
        return read_rows(answer.rows)

    def _see_rows(self, subject: Subject, new: Sequence[Row]) -> None:
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

    def _see_changeset(self, subject: Subject, row: Row, seconds: float | None) -> None:
        details: dict[str, str | float | int] = {"exectype": row.exectype}
        if seconds is None and row.committed is not None and subject.memory.lock_taken:
            # The first of its run began when the lock was taken.
            seconds = row.committed - subject.memory.lock_taken
        if seconds is not None and seconds >= 0 and row.exectype != "MARK_RAN":
            subject.memory.durations.observe(seconds)
            details["seconds"] = round(seconds, 3)
        self._tell("changeset_applied", row.identity, details)

    def _see_removal(self, subject: Subject, gone: set[str]) -> None:
        if gone:
            details: dict[str, str | float | int] = {"changesets": len(gone)}
            self._tell("changesets_removed", subject.tables.name, details)

    def _remember(
        self, memory: Memory, look: _Look, reported: Reported | None, *, others: bool
    ) -> tuple[Evidence, int]:
        named = [one for one in look.sessions if one["named"]]
        at_work = [one for one in named if one["working"]]
        under_way = reported is not None and reported.under_way
        quiet = not (look.lock.locked or named or under_way)
        ended = memory.see_counters(look.counters, quiet=quiet, now=look.now, others=others)
        evidence = Evidence(
            Reading.COMPLETE,
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

    def _conclude(self, subject: Subject, verdict: Verdict, *, ended: int) -> None:
        """Count runs that ended with what they led to, and tell when the state changes."""
        memory = subject.memory
        if ended:
            outcome = _OUTCOMES.get(verdict.status, "succeeded")
            if memory.last_run is Run.MAYBE_LEFT_NO_ROW and verdict.source == "database":
                outcome = "unknown"
            memory.count_runs(outcome, ended)
            self._tell("run_ended", subject.tables.name, {"outcome": outcome})
        if verdict.status != memory.status:
            details: dict[str, str | float | int] = {
                "before": memory.status,
                "now": verdict.status.value,
                "reason": verdict.reason,
            }
            memory.status = verdict.status.value
            self._tell("migration_state", subject.tables.name, details)

    def _tell(self, kind: str, subject: str, details: dict[str, str | float | int]) -> None:
        self.events.tell(Event(kind, self.datname, subject, details))

    @property
    def _committed(self) -> str:
        return sql.COMMITTED if self.commit_timestamps else sql.NOT_COMMITTED


def _judged(evidence: Evidence) -> Observation:
    return Observation(evidence, decide(evidence))


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
