"""Who waits for whom, made into chains: pure functions over one look's sessions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pg_migration_exporter.postgres.rows import Rows

#: Locks on a relation that DDL waits for and ordinary statements do not (PostgreSQL, "Table-Level
#: Locks"): whoever comes later waits behind them even though nobody holds them yet.
_DDL_MODES = frozenset(
    {"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"}
)
_LITERAL = re.compile(r"'(?:[^']|'')*'?|\$(\w*)\$.*?(?:\$\1\$|$)", re.DOTALL)
_DEEPEST_TREE = 50


@dataclass(frozen=True, slots=True)
class LockSession:
    """A session that waits (`lock` is not None) or is waited for.

    Times in seconds: `transaction` since it began, `waited` since the wait did. `blockers` are the
    pids that it waits for; None where that was not examined. pid 0 is a prepared transaction.
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
    """One look at the waits, by pid: sessions, whom each waiting one waits for, all ahead of it."""

    sessions: Mapping[int, LockSession] = field(default_factory=dict)
    edges: Mapping[int, Sequence[int]] = field(default_factory=dict)
    ahead: Mapping[int, frozenset[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, sessions: Iterable[LockSession]) -> Chains:
        """Join the waits; one that was not examined is behind the longest wait for its lock."""
        by_pid = {one.pid: one for one in sessions}
        waiting = [one for one in by_pid.values() if one.waits]
        first: dict[str | None, int] = {}
        edges: dict[int, Sequence[int]] = {}
        for one in waiting:
            head = first.setdefault(one.lock, one.pid)
            assumed = () if head == one.pid else (head,)
            edges[one.pid] = assumed if one.blockers is None else one.blockers
        return cls(by_pid, edges, {one.pid: _ahead_of(one.pid, edges) for one in waiting})

    @property
    def waiting(self) -> list[LockSession]:
        """The sessions that wait, longest first."""
        return [self.sessions[pid] for pid in self.edges]

    def blocking(self, datname: str) -> int:
        """How many sessions are waited for by at least one session of a database."""
        return len(
            {blocker for one in self._waiting_in(datname) for blocker in self.edges[one.pid]}
        )

    def blocked(self, datname: str) -> int:
        """How many sessions of a database wait."""
        return len(self._waiting_in(datname))

    def longest(self, datname: str) -> float:
        """Seconds of the longest wait in a database, 0 if none waits."""
        return max((one.waited for one in self._waiting_in(datname)), default=0.0)

    def behind(self, pid: int) -> list[int]:
        """The waiting sessions that `pid` is ahead of, directly or not."""
        return [waiter for waiter, ahead in self.ahead.items() if pid in ahead]

    def behind_migrations(self, datname: str, application_names: Sequence[str]) -> int:
        """How many sessions of a database wait, directly or not, for a migration.

        That is a session with one of these application names, or DDL that waits itself.
        """
        migrations = {
            pid
            for pid, one in self.sessions.items()
            if one.application_name in application_names or one.is_waiting_ddl
        }
        waiting = self._waiting_in(datname)
        return sum(not migrations.isdisjoint(self.ahead[one.pid]) for one in waiting)

    def queues(self, datname: str) -> Counter[tuple[str, str]]:
        """Sessions that wait for a relation, or a row of it: by (schema, relation)."""
        return Counter(
            (one.schemaname, one.relname) for one in self._waiting_in(datname) if one.relname
        )

    def roots(self) -> list[LockSession]:
        """The sessions that others wait for and that do not wait: whom to ask, or to end."""
        ahead = {pid for blockers in self.edges.values() for pid in blockers}
        return [self.sessions[pid] for pid in sorted(ahead) if pid not in self.edges]

    def tree(self, pid: int, depth: int = 0) -> dict[str, Any]:
        """A session with all who wait for it, as JSON; who waits for several is under one."""
        one = self.sessions[pid]
        below = self.edges if depth < _DEEPEST_TREE else ()
        return {
            "pid": pid,
            "datname": one.datname,
            "usename": one.usename,
            "application_name": one.application_name,
            "state": one.state,
            "transaction_seconds": one.transaction,
            "statement": one.statement,
            "waits_for": _what(one) if one.waits else None,
            "waited_seconds": one.waited,
            "waiters": [
                self.tree(waiter, depth + 1) for waiter in below if self._parent_of(waiter) == pid
            ],
        }

    def _parent_of(self, pid: int) -> int | None:
        """Of those it waits for, one that does not wait itself, else the longest wait."""
        blockers = self.edges[pid]
        holders = [blocker for blocker in blockers if blocker not in self.edges]
        by_wait = [waiter for waiter in self.edges if waiter in blockers]
        return next(iter([*holders, *by_wait]), None)

    def _waiting_in(self, datname: str) -> list[LockSession]:
        return [one for one in self.waiting if one.datname == datname]


def _ahead_of(pid: int, edges: Mapping[int, Sequence[int]]) -> frozenset[int]:
    """All sessions that `pid` waits for, directly or not; also where they wait for each other."""
    ahead: set[int] = set()
    todo = [*edges[pid]]
    while todo:
        blocker = todo.pop()
        if blocker != pid and blocker not in ahead:
            ahead.add(blocker)
            todo.extend(edges.get(blocker, ()))
    return frozenset(ahead)


def _what(one: LockSession) -> str:
    """What a session waits for: `AccessShareLock on relation game.quests`."""
    name = f" {one.schemaname}.{one.relname}" if one.relname else ""
    return f"{one.mode} on {one.locktype}{name}"
