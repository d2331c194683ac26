"""Which sessions wait for the lock that another one holds.

Liquibase polls the lock every 10 s and is idle in a transaction meanwhile. A holder that works
outside of the database is idle after the same statements, so that a session is only sure to wait
once it has polled again, or while another one is at work as the holder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pg_migration_exporter.liquibase.locks.sessions import Session, SessionId

_POLL_INTERVAL = (9.0, 11.5)
#: Seconds within which a session that waits polls again.
_POLLED_WITHIN = 10.5


@dataclass(slots=True)
class WaitingSessions:
    """The sessions that wait for one taking of the lock."""

    _polled_at: dict[SessionId, float] = field(default_factory=dict)
    _confirmed: set[SessionId] = field(default_factory=set)

    def clear(self) -> None:
        """Forget everything: the lock was taken again, or released."""
        self._polled_at.clear()
        self._confirmed.clear()

    def record(self, sessions: Sequence[Session], latest: float, now: float) -> None:
        """Record a poll; sessions that started after `latest` cannot hold the lock."""
        has_holder = any(
            session.named and session.is_working(now) and not seems_to_wait(session)
            for session in sessions
            if session.started <= latest and session.id not in self._confirmed
        )
        for session in sessions:
            if not seems_to_wait(session):
                self._forget(session, now)
            elif session.quiet_for(now) > _POLLED_WITHIN:
                self._confirmed.discard(session.id)
            elif (
                session.started > latest
                or (session.named and has_holder)
                or session.reads_lock
                or self._polled_again(session)
            ):
                self._confirmed.add(session.id)
            if seems_to_wait(session) and session.changed is not None:
                self._polled_at[session.id] = session.changed
        connected = {session.id for session in sessions}
        self._confirmed &= connected
        self._polled_at = {key: at for key, at in self._polled_at.items() if key in connected}

    def includes(self, session: Session) -> bool:
        """Whether it is sure to wait."""
        return session.id in self._confirmed

    def _forget(self, session: Session, now: float) -> None:
        """A session that waits does nothing else for longer than an instant."""
        if session.changed is None or session.is_idle or now - session.changed > 1:
            self._confirmed.discard(session.id)

    def _polled_again(self, session: Session) -> bool:
        before = self._polled_at.get(session.id)
        if before is None or session.changed is None:
            return False
        least, most = _POLL_INTERVAL
        return least <= session.changed - before <= most


def seems_to_wait(session: Session) -> bool:
    """Whether its last statement is one after which Liquibase waits for the lock."""
    return session.polls_lock or (session.reads_lock and session.key is None)
