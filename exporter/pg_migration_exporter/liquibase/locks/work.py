"""Which sessions are at work as Liquibase, whether the lock is held or not.

Before Liquibase 4.29.2, a second run that gives up clears the lock's row under a live run. And a
session may have Liquibase's name although it is the application's, from a pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pg_migration_exporter.liquibase.locks.lock import Lock
from pg_migration_exporter.liquibase.locks.sessions import PLAINLY_IDLE, Session, SessionId
from pg_migration_exporter.liquibase.locks.waiting import seems_to_wait
from pg_migration_exporter.postgres.statement_kind import kind_of

#: Seconds of idleness after which a run is over that has released its lock.
_OVER = 2.0
#: Seconds after the release of the lock within which short statements are still the run's.
_AFTER_RELEASE = 60.0
#: Seconds within which a session with Liquibase's name is a run that starts or has just ended.
_STARTING = 60.0
_DDL = ("CREATE", "ALTER", "DROP", "TRUNCATE", "REINDEX", "REFRESH", "LOCK", "CLUSTER", "VACUUM")


@dataclass(frozen=True, slots=True)
class RunSessions:
    """The sessions of a run at one moment.

    `is_quiet`: none is at work, starting or ending. `may_report`: a session that could be a run's
    was active in the last seconds, so that its statistics may not have arrived.
    """

    at_work: Sequence[Session] = ()
    blocked: bool = False
    is_quiet: bool = True
    may_report: bool = False

    @property
    def statement(self) -> str:
        """The kind of statement that one of them is executing, "" without one."""
        return next(
            (kind_of(session.statement) for session in self.at_work if session.statement), ""
        )


@dataclass(slots=True)
class SessionsAtWork:
    """What is remembered about the sessions of one changelog."""

    #: Those that may have held the lock at the latest poll that found it held.
    _holders: frozenset[SessionId] = frozenset()
    _held_at: float = 0.0
    #: Those of them without Liquibase's name that did not seem to wait.
    _unnamed: frozenset[SessionId] = frozenset()
    #: Those of them that have been at work ever since.
    _still_at_work: frozenset[SessionId] = frozenset()
    #: Sessions that were plainly idle once: a pool's.
    _pooled: set[SessionId] = field(default_factory=set)

    def record(
        self, lock: Lock, candidates: Sequence[Session], sessions: Sequence[Session], now: float
    ) -> RunSessions:
        """Return the sessions of the run; `candidates` may hold the lock, `sessions` are all."""
        self._record_pooled(sessions, now)
        if lock.locked:
            self._holders = frozenset(session.id for session in candidates)
            self._unnamed = frozenset(
                session.id
                for session in candidates
                if not session.named and not seems_to_wait(session)
            )
            self._held_at, self._still_at_work = now, self._holders
            named = [session for session in candidates if session.named]
            run = named or candidates
        else:
            self._forget_unnamed(sessions)
            run = [session for session in sessions if self._works_without_lock(session, now)]
            self._still_at_work = frozenset(session.id for session in run)
        at_work = [session for session in run if session.is_working(now)]
        return RunSessions(
            at_work,
            any(_is_blocked(session, run) for session in run),
            is_quiet=not at_work
            and not any(self._starts_or_ends(session, now) for session in sessions),
            may_report=any(session.idle_for(now) < PLAINLY_IDLE for session in sessions),
        )

    def _record_pooled(self, sessions: Sequence[Session], now: float) -> None:
        self._pooled &= {session.id for session in sessions}
        self._pooled |= {
            session.id for session in sessions if session.idle_for(now) >= PLAINLY_IDLE
        }

    def _forget_unnamed(self, sessions: Sequence[Session]) -> None:
        """Forget sessions without the name if one of them has ended what it did under the lock.

        That one was the run, which released its lock; the others are an application's.
        """
        going_on = {
            session.id
            for session in sessions
            if session.began is not None and session.began <= self._held_at
        }
        if not self._unnamed <= going_on:
            self._holders -= self._unnamed
        self._unnamed = frozenset()

    def _works_without_lock(self, session: Session, now: float) -> bool:
        if session.is_idle and session.idle_for(now) > 0.5:
            return False
        if session.id in self._holders:
            return self._goes_on(session, now)
        return (
            session.named
            and session.id not in self._pooled
            and (session.awaits_lock or session.in_transaction_for(now) > 1)
        )

    def _goes_on(self, session: Session, now: float) -> bool:
        """Whether a session that may have held the lock goes on with its run."""
        if session.began is not None and session.began <= self._held_at:
            return True
        if session.id not in self._still_at_work or not session.is_working(now):
            return False
        is_long = session.awaits_lock or session.in_transaction_for(now) > 1
        return is_long or (session.named and now - self._held_at <= _AFTER_RELEASE)

    def _starts_or_ends(self, session: Session, now: float) -> bool:
        if not session.named or session.id in self._pooled or session.idle_for(now) > _OVER:
            return False
        was_holder = session.id in self._holders and now - self._held_at <= _AFTER_RELEASE
        return was_holder or now - session.started <= _STARTING


def _is_blocked(session: Session, run: Sequence[Session]) -> bool:
    """Whether a session of the run waits for one that is not part of it.

    Sessions of an application with the migration's role may count as the run, and wait for it.
    """
    if not session.awaits_lock or not session.blockers:
        return False
    active = {other.pid for other in run if other.is_active}
    is_ddl = kind_of(session.statement).startswith(_DDL)
    return is_ddl or any(pid not in active for pid in session.blockers)
