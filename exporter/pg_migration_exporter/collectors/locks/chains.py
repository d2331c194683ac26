"""Chains of sessions that wait for each other: pure functions over the sessions of one read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pg_migration_exporter.postgres.rows import Rows

#: Locks on a relation that DDL waits for and ordinary statements do not (PostgreSQL, "Table-Level
#: Locks"): later statements wait behind them even before they are granted.
_DDL_MODES = frozenset(
    {"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"}
)
_LITERAL = re.compile(r"'(?:[^']|'')*'?|\$(\w*)\$.*?(?:\$\1\$|$)", re.DOTALL)
_MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class LockSession:
    """A session that waits (`lock` is not None) or blocks others.

    Times in seconds: `transaction` since it began, `waited` since the wait began. `blockers` are
    the pids that it waits for; None where that was not read. Pid 0 is a prepared transaction.
    """

    pid: int
    datname: str
    usename: str
    application_name: str
    state: str
    backend_start: float
    transaction: float | None
    statement: str
    lock: str | None
    locktype: str
    mode: str
    schemaname: str
    relname: str
    waited: float
    blockers: tuple[int, ...] | None

    @property
    def waits(self) -> bool:
        """True if it waits for a lock."""
        return self.lock is not None

    @property
    def is_waiting_ddl(self) -> bool:
        """True if it waits for a lock of a relation that only DDL takes."""
        return self.waits and self.locktype == "relation" and self.mode in _DDL_MODES


def read_sessions(answer: Rows) -> list[LockSession]:
    """Read the rows of `sql.WAITS`, longest wait first."""
    return [_session(row) for row in answer.named()]


def _session(row: Mapping[str, Any]) -> LockSession:
    texts = ("datname", "statement", "locktype", "mode", "schemaname", "relname")
    blockers = row["blockers"]
    return LockSession(
        **{
            **row,
            **{name: row[name] or "" for name in texts},
            "statement": _LITERAL.sub("'...'", row["statement"] or ""),
            "backend_start": row["backend_start"] or 0.0,
            "waited": row["waited"] or 0.0,
            "blockers": tuple(dict.fromkeys(blockers)) if blockers is not None else None,
        }
    )


@dataclass(frozen=True, slots=True)
class Chains:
    """The waits at one moment, by pid.

    `edges` has the sessions that each waiting one waits for, `ahead` all that are ahead of it.
    """

    sessions: Mapping[int, LockSession] = field(default_factory=dict)
    edges: Mapping[int, Sequence[int]] = field(default_factory=dict)
    ahead: Mapping[int, frozenset[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, sessions: Iterable[LockSession]) -> Chains:
        """Join the waits; without blockers, a session is behind the longest wait for its lock."""
        by_pid = {session.pid: session for session in sessions}
        waiting = [session for session in by_pid.values() if session.waits]
        first: dict[str | None, int] = {}
        edges: dict[int, Sequence[int]] = {}
        for session in waiting:
            head = first.setdefault(session.lock, session.pid)
            assumed = () if head == session.pid else (head,)
            edges[session.pid] = assumed if session.blockers is None else session.blockers
        ahead = {session.pid: _ahead_of(session.pid, edges) for session in waiting}
        return cls(by_pid, edges, ahead)

    @property
    def waiting(self) -> list[LockSession]:
        """The sessions that wait, longest first."""
        return [self.sessions[pid] for pid in self.edges]

    def blocking(self, datname: str) -> int:
        """Return how many sessions at least one session of a database waits for."""
        waiting = self._waiting_in(datname)
        return len({blocker for session in waiting for blocker in self.edges[session.pid]})

    def blocked(self, datname: str) -> int:
        """Return how many sessions of a database wait."""
        return len(self._waiting_in(datname))

    def longest(self, datname: str, *, advisory: bool) -> float:
        """Return the seconds of the longest wait in a database, 0 if none waits.

        For an advisory lock, or for any other: an application may wait for one as long as it runs,
        to become the leader.
        """
        waits = (
            session.waited
            for session in self._waiting_in(datname)
            if (session.locktype == "advisory") is advisory
        )
        return max(waits, default=0.0)

    def behind(self, pid: int) -> list[int]:
        """Return the pids that wait for `pid`, directly or not."""
        return [waiter for waiter, ahead in self.ahead.items() if pid in ahead]

    def behind_migrations(self, datname: str, application_names: Sequence[str]) -> int:
        """Return how many sessions of a database wait for a migration, directly or not.

        A migration is a session with one of these application names, or DDL that waits itself.
        """
        migrations = {
            pid
            for pid, session in self.sessions.items()
            if session.application_name in application_names or session.is_waiting_ddl
        }
        waiting = self._waiting_in(datname)
        return sum(not migrations.isdisjoint(self.ahead[session.pid]) for session in waiting)

    def queues(self, datname: str) -> Counter[tuple[str, str]]:
        """Count the sessions that wait for a relation, or a row of it: by (schema, relation)."""
        return Counter(
            (session.schemaname, session.relname)
            for session in self._waiting_in(datname)
            if session.relname
        )

    def roots(self) -> list[LockSession]:
        """Return the sessions that block others and do not wait themselves."""
        ahead = {pid for blockers in self.edges.values() for pid in blockers}
        return [self.sessions[pid] for pid in sorted(ahead) if pid not in self.edges]

    def tree(self, pid: int, depth: int = 0) -> dict[str, Any]:
        """Return a session with all that wait for it, as JSON; each is in the tree once."""
        session = self.sessions[pid]
        below = self.edges if depth < _MAX_DEPTH else ()
        return {
            "pid": pid,
            "datname": session.datname,
            "usename": session.usename,
            "application_name": session.application_name,
            "state": session.state,
            "transaction_seconds": session.transaction,
            "statement": session.statement,
            "waits_for": _awaited(session) if session.waits else None,
            "waited_seconds": session.waited,
            "waiters": [
                self.tree(waiter, depth + 1) for waiter in below if self._parent_of(waiter) == pid
            ],
        }

    def _parent_of(self, pid: int) -> int | None:
        """Return one of its blockers: one that does not wait itself, else the longest wait."""
        blockers = self.edges[pid]
        holders = [blocker for blocker in blockers if blocker not in self.edges]
        by_wait = [waiter for waiter in self.edges if waiter in blockers]
        return next(iter([*holders, *by_wait]), None)

    def _waiting_in(self, datname: str) -> list[LockSession]:
        return [session for session in self.waiting if session.datname == datname]


def _ahead_of(pid: int, edges: Mapping[int, Sequence[int]]) -> frozenset[int]:
    """Return all that `pid` waits for, directly or not; also where they wait for each other."""
    ahead: set[int] = set()
    todo = [*edges[pid]]
    while todo:
        blocker = todo.pop()
        if blocker != pid and blocker not in ahead:
            ahead.add(blocker)
            todo.extend(edges.get(blocker, ()))
    return frozenset(ahead)


def _awaited(session: LockSession) -> str:
    """Return what a session waits for: `AccessShareLock on relation game.quests`."""
    name = f" {session.schemaname}.{session.relname}" if session.relname else ""
    return f"{session.mode} on {session.locktype}{name}"
