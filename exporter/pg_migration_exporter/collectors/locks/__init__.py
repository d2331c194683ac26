"""Lock chains: who waits, for how long, behind whom, and how many behind the migration.

Numbers and names that stay few are metrics; pids, statements and the whole tree are for the status
page (`LockMemory.report`) and, without statements, for the log.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.locks import lock_families as of
from pg_migration_exporter.collectors.locks import sql
from pg_migration_exporter.collectors.locks.chains import Chains, LockSession, read_sessions
from pg_migration_exporter.events import Event, EventKind
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS
from pg_migration_exporter.postgres.rows import Rows

#: Applications that are told apart; the others are `other`.
_MOST_APPLICATIONS = 10
#: Seconds that a wait lasts before it is an event.
_WORTH_REPORTING = 1.0


@dataclass(slots=True)
class _Root:
    """A session at the head of a chain: since when, and the most who were behind it."""

    session: LockSession
    datname: str
    most: int
    longest: float


@dataclass(slots=True)
class LockMemory:
    """The waits at the last look, and the chains that were reported."""

    chains: Chains = field(default_factory=Chains)
    reported: dict[tuple[int, float], _Root] = field(default_factory=dict)

    def report(self) -> list[dict[str, Any]]:
        """The trees of sessions that wait, each under the one that holds it up, as JSON."""
        return [self.chains.tree(root.pid) for root in self.chains.roots()]


async def collect(context: RunContext[LockMemory]) -> None:
    """Look, and publish the counts of every database, once; and the queues of this one."""
    chains = await _look(context)
    _publish_queues(context, chains)
    if context.is_main:
        _publish_counts(context, chains, await context.query(sql.DATABASES))
        _publish_roots(context, chains)


def _publish_counts(context: RunContext[LockMemory], chains: Chains, databases: Rows) -> None:
    for (datname,) in databases.rows:
        context.add(of.BLOCKED, chains.blocked(datname), datname)
        context.add(of.BLOCKING, chains.blocking(datname), datname)
        context.add(of.LONGEST_WAIT, chains.longest(datname), datname)
        names = context.settings.liquibase.application_names
        context.add(of.MIGRATION_BLOCKED, chains.behind_migrations(datname, names), datname)


async def watch(context: RunContext[LockMemory]) -> bool:
    """Look, and tell of chains that begin and end; True while one is there."""
    chains = await _look(context)
    if context.is_main:
        _emit_waits(context, chains)
    return bool(chains.edges)


async def _look(context: RunContext[LockMemory]) -> Chains:
    chains = Chains.of(read_sessions(await context.query(sql.WAITS)))
    context.memory.chains = chains
    return chains


def _publish_queues(context: RunContext[LockMemory], chains: Chains) -> None:
    datname = context.capabilities.datname
    for relation, depth in chains.queues(datname).items():
        context.add(of.QUEUE_DEPTH, depth, datname, *relation)


def _publish_roots(context: RunContext[LockMemory], chains: Chains) -> None:
    behind: Counter[tuple[str, str, str]] = Counter()
    for root in chains.roots():
        key = (root.datname, root.application_name, root.state)
        behind[key] += len(chains.behind(root.pid))
    for place, (key, count) in enumerate(behind.most_common()):
        datname, application_name, state = key
        if place < _MOST_APPLICATIONS:
            context.add(of.BEHIND, count, datname, application_name, state)
    others = behind.most_common()[_MOST_APPLICATIONS:]
    if others:
        context.add(of.BEHIND, sum(count for _, count in others), "", "other", "")


def _emit_waits(context: RunContext[LockMemory], chains: Chains) -> None:
    known: dict[tuple[int, float], _Root] = context.memory.reported
    present = {}
    for session in chains.roots():
        waiters = [chains.sessions[pid] for pid in chains.behind(session.pid)]
        longest = max((one.waited for one in waiters), default=0.0)
        if longest >= _WORTH_REPORTING:
            key = (session.pid, session.backend_start)
            root = known.get(key) or _begin(context, session, waiters)
            root.most, root.longest = max(root.most, len(waiters)), max(root.longest, longest)
            present[key] = root
    for key in known.keys() - present.keys():
        _emit(context, EventKind.LOCK_WAIT_ENDED, known[key])
    context.memory.reported = present


def _begin(
    context: RunContext[LockMemory], session: LockSession, waiters: list[LockSession]
) -> _Root:
    datname = session.datname or waiters[0].datname
    root = _Root(session, datname, len(waiters), max(one.waited for one in waiters))
    _emit(
        context,
        EventKind.LOCK_WAIT_STARTED,
        root,
        waiters=" ".join(str(one.pid) for one in waiters[:20]),
    )
    return root


def _emit(context: RunContext[LockMemory], kind: EventKind, root: _Root, **more: str) -> None:
    """Tell of the session at the head of a chain, by its names and numbers."""
    session = root.session
    details: dict[str, str | float] = {
        "application_name": session.application_name,
        "state": session.state,
        "transaction_seconds": round(session.transaction or 0.0, 3),
        "sessions": root.most,
        "longest_wait_seconds": round(root.longest, 3),
    }
    context.emit(Event(kind, root.datname, f"pid {session.pid}", details | more))


LOCKS = Collector(
    name="locks",
    help="Sessions that wait for locks, and behind whom.",
    sources=("pg_locks", "pg_stat_activity", "pg_blocking_pids()"),
    families=of.FAMILIES,
    queries=(sql.DATABASES, sql.WAITS),
    requires=(READ_ALL_STATS,),
    collect=collect,
    memory=lambda _: LockMemory(),
    watch=watch,
)
