"""What is remembered about the lock of one changelog: who may hold it, and since when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pg_migration_exporter.liquibase.history.tables import ChangelogTables
from pg_migration_exporter.liquibase.locks.lock import Lock, LockKind
from pg_migration_exporter.liquibase.locks.row import LockRow, TimeTaken, time_taken
from pg_migration_exporter.liquibase.locks.sessions import MAX_SESSIONS, Session
from pg_migration_exporter.liquibase.locks.waiting import WaitingSessions, seems_to_wait

#: Seconds after which a run has started, and works or waits.
_STARTED = 5.0


@dataclass(frozen=True, slots=True)
class LockPoll:
    """What one poll found. `now` is the server's time, in seconds since the epoch.

    `holder` is the session that holds the advisory lock of the changelog. On a standby, `sessions`
    are not those of the primary.
    """

    row: LockRow
    sessions: Sequence[Session]
    now: float
    holder: Session | None = None
    is_standby: bool = False


@dataclass(slots=True)
class LockMemory:
    """The past of one lock; durable. Times are the server's, in seconds since the epoch."""

    #: The row's xmin, or the session that holds the advisory lock.
    version: str = ""
    #: The poll before the one that first saw this version, 0 without one.
    changed_after: float = 0.0
    first_seen: float = 0.0
    polled_at: float = 0.0
    holder_last_seen: float = 0.0
    #: Whether a run ever held the advisory lock, and the row's xmin at that time.
    is_advisory: bool = False
    ignored_version: str = ""
    #: The server's clock was set back since this version was taken: times prove nothing.
    clock_went_back: bool = False
    #: The sessions that may hold the lock, by the latest poll.
    candidates: list[Session] = field(default_factory=list)
    _earliest: float | None = None
    _waiting: WaitingSessions = field(default_factory=WaitingSessions)

    @property
    def idle_since(self) -> float:
        """Return the moment before which no session was last active that holds the lock."""
        return self.polled_at if self._earliest is None else self._earliest

    def expects_key(self, tables: ChangelogTables) -> bool:
        """Whether runs may take an advisory lock instead of the row."""
        return tables.lock is None or self.is_advisory

    def record(self, poll: LockPoll) -> Lock:
        """Return the lock as one poll found it."""
        if poll.holder is not None:
            return self._record_advisory(poll, poll.holder)
        row = poll.row
        self._record_version(row.version, poll.now)
        self.candidates, self._earliest = [], None
        if not row.locked or row.version == self.ignored_version:
            self._waiting.clear()
            return Lock(locked=False, kind=LockKind.ADVISORY if self.is_advisory else LockKind.ROW)
        taken = time_taken(row, self.changed_after, self.first_seen)
        age = max(poll.now - taken.latest, 0.0)
        lock = Lock(True, row.locked_by, taken.latest, age)
        if poll.is_standby:
            self.holder_last_seen = poll.now
            return replace(lock, is_judged=False)
        if self.clock_went_back:
            taken = TimeTaken(0.0, float("inf"))
        self._earliest = taken.earliest
        return self._judge(lock, taken, poll)

    def _may_hold(self, session: Session, taken: TimeTaken) -> bool:
        """Whether a session could have taken the lock, and does not wait for it."""
        return (
            session.started <= taken.latest
            and (session.changed is None or session.changed >= taken.earliest)
            and not self._waiting.includes(session)
        )

    def _record_advisory(self, poll: LockPoll, holder: Session) -> Lock:
        self.is_advisory = True
        self.ignored_version = poll.row.version if poll.row.locked else ""
        self._record_version(f"{holder.pid} {holder.started}", poll.now)
        self.candidates, self._earliest = [holder], None
        return Lock(
            True,
            f"{holder.address} (pid {holder.pid})",
            self.first_seen,
            max(poll.now - self.first_seen, 0.0),
            has_holder=True,
            kind=LockKind.ADVISORY,
            holder_pid=holder.pid,
            waiters=sum(map(seems_to_wait, poll.sessions)),
        )

    def _record_version(self, version: str, now: float) -> None:
        if version != self.version:
            self.changed_after = self.polled_at
            self.version, self.first_seen, self.holder_last_seen = version, now, now
            self.clock_went_back = False
            self._waiting.clear()
        elif now < self.polled_at:
            self.clock_went_back = True
        self.polled_at = now

    def _judge(self, lock: Lock, taken: TimeTaken, poll: LockPoll) -> Lock:
        self._waiting.record(poll.sessions, taken.latest, poll.now)
        self.holder_last_seen = min(self.holder_last_seen, poll.now)  # the clock may be set back
        self.candidates = [
            session
            for session in poll.sessions
            if self._may_hold(session, taken) or self._is_pooled(session, poll.now)
        ]
        at_work = [session for session in self.candidates if not seems_to_wait(session)]
        if at_work or len(poll.sessions) >= MAX_SESSIONS:
            self.holder_last_seen = poll.now
        waiters = sum(
            seems_to_wait(session) and (bool(at_work) or self._waiting.includes(session))
            for session in poll.sessions
        )
        if self.candidates or self.holder_last_seen == poll.now:
            return replace(lock, has_holder=True, waiters=waiters)
        missing_for = poll.now - self.holder_last_seen
        return replace(lock, holder_missing_for=missing_for, waiters=waiters)

    def _is_pooled(self, session: Session, now: float) -> bool:
        """Whether it is at work as Liquibase: behind a pooler, its connection may be a new one."""
        return (
            session.named
            and now - session.started > _STARTED
            and (session.awaits_lock or session.in_transaction_for(now) > 1)
            and not (seems_to_wait(session) or self._waiting.includes(session))
        )

    def dump(self) -> dict[str, Any]:
        """Return everything durable, as JSON."""
        return {name: getattr(self, name) for name in _STORED}

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> LockMemory:
        """Restore from `dump`. Raises TypeError for invalid data."""
        return cls(**state)


_STORED = (
    "version",
    "changed_after",
    "first_seen",
    "polled_at",
    "holder_last_seen",
    "is_advisory",
    "ignored_version",
    "clock_went_back",
)
