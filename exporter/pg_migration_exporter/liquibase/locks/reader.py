"""Read the lock of a changelog, and the sessions that may be Liquibase's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pg_migration_exporter.liquibase.history.tables import ChangelogTables
from pg_migration_exporter.liquibase.locks.holder import LockMemory, LockPoll
from pg_migration_exporter.liquibase.locks.keys import SAMPLE_KEY, AdvisoryKey, keys_for
from pg_migration_exporter.liquibase.locks.lock import Lock
from pg_migration_exporter.liquibase.locks.row import READ_LOCK, READ_NO_LOCK, LockRow, read_lock
from pg_migration_exporter.liquibase.locks.sessions import READ_SESSIONS, Session, read_sessions
from pg_migration_exporter.liquibase.locks.work import RunSessions, SessionsAtWork
from pg_migration_exporter.liquibase.run_query import RunQuery
from pg_migration_exporter.postgres.query import array
from pg_migration_exporter.postgres.rows import Rows


@dataclass(frozen=True, slots=True)
class LockAnswers:
    """The lock, its row, and the sessions of the run. `now` is the server's time."""

    lock: Lock
    row: LockRow
    run: RunSessions
    now: float


@dataclass(frozen=True, slots=True)
class LockReader:
    """Reads the locks of one database; `committed` is the SQL of a row's commit time."""

    query: RunQuery
    names: Sequence[str]
    committed: str
    is_standby: bool

    def record(
        self,
        tables: ChangelogTables,
        row: Rows,
        sessions: Rows,
        memory: LockMemory,
        work: SessionsAtWork,
    ) -> LockAnswers:
        """Return the lock of a changelog."""
        lock_row, now = read_lock(row)
        found = [] if self.is_standby else read_sessions(sessions)
        holder = _holder(found, _keys(tables), is_only=tables.is_only)
        lock = memory.record(LockPoll(lock_row, found, now, holder, self.is_standby))
        run = work.record(lock, memory.candidates, found, now)
        return LockAnswers(lock, lock_row, run, now)

    async def read_row(self, tables: ChangelogTables) -> Rows:
        """Run `READ_LOCK`."""
        if tables.lock is None:
            return await self.query(READ_NO_LOCK)
        return await self.query(READ_LOCK, lock=tables.lock.guarded, committed=self.committed)

    async def read_sessions(self, tables: ChangelogTables, memory: LockMemory) -> Rows:
        """Run `READ_SESSIONS`."""
        guarded = tables.lock or tables.history
        return await self.query(
            READ_SESSIONS,
            array(self.names),
            str(guarded.oid),
            "update" if guarded.is_lock else "insert",
            str(memory.idle_since),
            array({key.classid for key in _keys(tables)}),
            str(memory.expects_key(tables)),
        )


async def is_key_held(query: RunQuery, tables: ChangelogTables) -> bool:
    """Whether a session holds the advisory lock of a changelog."""
    keys = _keys(tables)
    answer = await query(
        SAMPLE_KEY,
        array({key.classid for key in keys}),
        array({key.objid for key in keys}),
    )
    return bool(answer.rows[0][0])


def _keys(tables: ChangelogTables) -> tuple[AdvisoryKey, ...]:
    history, lock = tables.history, tables.lock
    return keys_for(history.schemaname, history.relname, lock.relname if lock else None)


def _holder(
    sessions: Sequence[Session], keys: Sequence[AdvisoryKey], *, is_only: bool
) -> Session | None:
    """Return the session that holds the advisory lock.

    The key has the default schema of the run, which may differ from that of Liquibase's tables.
    """
    expected = {key.objid for key in keys}
    holders = [session for session in sessions if session.key is not None]
    exact = [session for session in holders if session.key in expected]
    return next(iter(exact or (holders if is_only else ())), None)
