"""Look at one changelog in the database: a round trip of small statements, made into evidence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any, Protocol

from psycopg import errors

from pg_migration_exporter.config.schema import LiquibaseSection
from pg_migration_exporter.liquibase import tables as sql
from pg_migration_exporter.liquibase.evidence import Evidence, Reading
from pg_migration_exporter.liquibase.memory import Counters, Memory
from pg_migration_exporter.liquibase.tables import ChangelogTables
from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.session import Rows

#: Deployment ids are the client's clock in milliseconds, modulo this: it wraps every 115.7 days.
_DEPLOYMENT_ID_WRAPS_MS = 10**10

#: What may keep the tables from being read, and what it means: evidence, not an error.
_HINDRANCES: dict[type[Exception], Reading] = {
    errors.InsufficientPrivilege: Reading.NOT_GRANTED,
    errors.LockNotAvailable: Reading.BUSY,
    errors.QueryCanceled: Reading.BUSY,
    errors.UndefinedTable: Reading.ABSENT,
}


class Ask(Protocol):
    """How to run a query: `collectors.base.Scope.query`."""

    def __call__(self, query: Query, *parameters: str, **names: str) -> Coroutine[Any, Any, Rows]:
        """Run `query` with parameters for $1, ... and quoted names for its placeholders."""


@dataclass(frozen=True, slots=True)
class History:
    """The history table in numbers; `deployed_at` in seconds since the epoch, None if unknown."""

    applied: int = 0
    deployed_at: float | None = None
    deployed: int = 0
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """Evidence for the state, and the numbers that are shown as they are."""

    evidence: Evidence
    history: History = History()


async def observe(
    ask: Ask,
    tables: ChangelogTables,
    memory: Memory,
    settings: LiquibaseSection,
    *,
    commit_timestamps: bool,
) -> Observation:
    """Read the tables, counters and sessions of one changelog.

    What hinders the reading (missing grant, lock, table just dropped) is evidence, not an error.
    """
    if tables.lock is None or not (tables.history.readable and tables.lock.readable):
        return Observation(Evidence(Reading.NOT_GRANTED))
    committed = sql.COMMITTED if commit_timestamps else sql.NOT_COMMITTED
    names = "{" + ",".join(f'"{_escape(name)}"' for name in settings.application_names) + "}"
    try:
        history, lock, counters, sessions = await asyncio.gather(
            ask(sql.READ_HISTORY, history=tables.history.quoted, committed=committed),
            ask(sql.READ_LOCK, lock=tables.lock.quoted, committed=committed),
            ask(sql.READ_COUNTERS, str(tables.history.oid), str(tables.lock.oid)),
            ask(sql.READ_SESSIONS, names, str(tables.lock.owner)),
        )
    except tuple(_HINDRANCES) as error:
        return Observation(Evidence(_HINDRANCES[type(error)]))
    numbers = _read_history(history)
    lock_row = next(iter(_by_name(lock)))
    evidence = _remember(memory, lock_row, Counters(*counters.rows[0]), _by_name(sessions))
    return Observation(
        replace(evidence, applied=numbers.applied, stale_lock_after=settings.stale_lock_after),
        numbers,
    )


def _remember(
    memory: Memory, row: dict[str, Any], counters: Counters, sessions: list[dict[str, Any]]
) -> Evidence:
    now = row["now"]
    lock = memory.see_lock(
        locked=bool(row["locked"]),
        locked_by=row["lockedby"] or "",
        version=row["version"] or "",
        taken=row["committed"],
        now=now,
    )
    has_holder = any(session["started"] <= lock.taken for session in sessions)
    at_work = [session for session in sessions if session["named"] and session["working"]]
    memory.see_counters(counters, quiet=not lock.locked and not at_work, now=now)
    missing_for = memory.see_holder(present=has_holder or not lock.locked, now=now)
    return Evidence(
        Reading.COMPLETE,
        lock=replace(lock, holder_missing_for=missing_for),
        sessions=len(at_work),
        blocked=any(session["blocked"] for session in sessions),
        last_run=memory.last_run,
    )


def _read_history(rows: Rows) -> History:
    row = next(iter(_by_name(rows)))
    deployed_at = row["committed"]
    if deployed_at is None:
        deployed_at = deployment_time(row["deployment_id"], time.time())
    return History(row["applied"], deployed_at, row["deployed"], tuple(row["tags"] or ()))


def deployment_time(deployment_id: str | None, now: float) -> float | None:
    """The latest time, in seconds since the epoch and not after `now`, that has this id."""
    if not deployment_id or not deployment_id.isascii() or not deployment_id.isdigit():
        return None
    # A minute of grace: the client's clock may be ahead of ours.
    latest = int((now + 60) * 1000)
    behind = (latest - int(deployment_id)) % _DEPLOYMENT_ID_WRAPS_MS
    return (latest - behind) / 1000


def _by_name(rows: Rows) -> list[dict[str, Any]]:
    return [dict(zip(rows.columns, row, strict=True)) for row in rows.rows]


def _escape(name: str) -> str:
    """Quote an element of an array literal (PostgreSQL, "Array Value Input")."""
    return name.replace("\\", "\\\\").replace('"', '\\"')
