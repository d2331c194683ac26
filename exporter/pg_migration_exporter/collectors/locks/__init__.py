"""Lock chains: who waits, for how long, behind whom, and how many behind the migration.

Numbers and names that stay few are metrics; pids, statements and the whole tree are for the status
page (`Memory.report`) and, without statements, for the log.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pg_migration_exporter.collectors.base import Collector, Scope
from pg_migration_exporter.collectors.locks import families as of
from pg_migration_exporter.collectors.locks import sql
from pg_migration_exporter.collectors.locks.chains import Chains, Session, read_sessions
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS
from pg_migration_exporter.postgres.rows import Rows
from pg_migration_exporter.watch.events import Event

#: Applications that are told apart; the others are `other`.
_MOST_APPLICATIONS = 10
#: Seconds that a wait lasts before it is an event.
_WORTH_TELLING = 1.0


@dataclass(slots=True)
class _Root:
    """A session at the head of a chain: since when, and the most who were behind it."""

    session: Session
    datname: str
    most: int
    longest: float


@dataclass(slots=True)
class Memory:
    """The waits at the last look, and the chains that were told of."""

    chains: Chains = field(default_factory=Chains)
    told: dict[tuple[int, float], _Root] = field(default_factory=dict)

    def report(self) -> list[dict[str, Any]]:
        """The trees of sessions that wait, each under the one that holds it up, as JSON."""
        return [self.chains.tree(root.pid) for root in self.chains.roots()]


async def collect(_: Collector, scope: Scope) -> None:
    """Look, and publish the counts of every database, once; and the queues of this one."""
    chains = await _look(scope)
    _publish_queues(scope, chains)
    if scope.is_main:
        _publish_counts(scope, chains, await scope.query(sql.DATABASES))
        _publish_roots(scope, chains)


def _publish_counts(scope: Scope, chains: Chains, databases: Rows) -> None:
    for (datname,) in databases.rows:
        scope.add(of.BLOCKED, chains.blocked(datname), datname)
        scope.add(of.BLOCKING, chains.blocking(datname), datname)
        scope.add(of.LONGEST_WAIT, chains.longest(datname), datname)
        names = scope.settings.liquibase.application_names
        scope.add(of.MIGRATION_BLOCKED, chains.behind_migrations(datname, names), datname)


async def watch(scope: Scope) -> bool:
    """Look, and tell of chains that begin and end; True while one is there."""
    chains = await _look(scope)
    if scope.is_main:
        _tell(scope, chains)
    return bool(chains.edges)


async def _look(scope: Scope) -> Chains:
    chains = Chains.of(read_sessions(await scope.query(sql.WAITS)))
    scope.memory.chains = chains
    return chains


def _publish_queues(scope: Scope, chains: Chains) -> None:
    datname = scope.capabilities.datname
    for relation, depth in chains.queues(datname).items():
        scope.add(of.QUEUE_DEPTH, depth, datname, *relation)


def _publish_roots(scope: Scope, chains: Chains) -> None:
    behind: Counter[tuple[str, str, str]] = Counter()
    for root in chains.roots():
        key = (root.datname, root.application_name, root.state)
        behind[key] += len(chains.behind(root.pid))
    for place, (key, count) in enumerate(behind.most_common()):
        datname, application_name, state = key
        if place < _MOST_APPLICATIONS:
            scope.add(of.BEHIND, count, datname, application_name, state)
    others = behind.most_common()[_MOST_APPLICATIONS:]
    if others:
        scope.add(of.BEHIND, sum(count for _, count in others), "", "other", "")


def _tell(scope: Scope, chains: Chains) -> None:
    told: dict[tuple[int, float], _Root] = scope.memory.told
    present = {}
    for session in chains.roots():
        waiters = [chains.sessions[pid] for pid in chains.behind(session.pid)]
        longest = max((one.waited for one in waiters), default=0.0)
        if longest >= _WORTH_TELLING:
            key = (session.pid, session.backend_start)
            known = told.get(key) or _begin(scope, session, waiters)
            known.most, known.longest = max(known.most, len(waiters)), max(known.longest, longest)
            present[key] = known
    for key in told.keys() - present.keys():
        _event(scope, "lock_wait_ended", told[key])
    scope.memory.told = present


def _begin(scope: Scope, session: Session, waiters: list[Session]) -> _Root:
    datname = session.datname or waiters[0].datname
    root = _Root(session, datname, len(waiters), max(one.waited for one in waiters))
    _event(scope, "lock_wait_started", root, waiters=" ".join(str(one.pid) for one in waiters[:20]))
    return root


def _event(scope: Scope, kind: str, root: _Root, **more: str) -> None:
    """Tell of the session at the head of a chain, by its names and numbers."""
    session = root.session
    details: dict[str, str | float] = {
        "application_name": session.application_name,
        "state": session.state,
        "transaction_seconds": round(session.transaction or 0.0, 3),
        "sessions": root.most,
        "longest_wait_seconds": round(root.longest, 3),
    }
    scope.events.tell(Event(kind, root.datname, f"pid {session.pid}", details | more))


LOCKS = Collector(
    name="locks",
    help="Sessions that wait for locks, and behind whom. Source: pg_locks, pg_stat_activity, "
    "pg_blocking_pids().",
    families=of.FAMILIES,
    queries=(sql.DATABASES, sql.WAITS),
    requires=(READ_ALL_STATS,),
    collect=collect,
    memory=lambda _: Memory(),
    watch=watch,
)
