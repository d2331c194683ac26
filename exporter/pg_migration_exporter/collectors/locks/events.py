"""Emits an event when sessions begin to wait behind another, and when they no longer do."""

from __future__ import annotations

from collections.abc import Sequence

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.collectors.locks.chains import Chains, LockSession
from pg_migration_exporter.collectors.locks.memory import LockMemory, ReportedRoot, SessionId
from pg_migration_exporter.events import Event, EventKind

#: Seconds that a wait lasts before it is reported.
_MIN_WAIT = 1.0
#: Pids in an event, at most.
_MAX_PIDS = 20


def emit_waits(context: RunContext[LockMemory], chains: Chains) -> None:
    """Compare the chains with those that were reported."""
    reported = context.memory.reported
    present: dict[SessionId, ReportedRoot] = {}
    for session in chains.roots():
        waiting = [chains.sessions[pid] for pid in chains.behind(session.pid)]
        longest = max((waiter.waited for waiter in waiting), default=0.0)
        if longest >= _MIN_WAIT:
            key = SessionId(session.pid, session.backend_start)
            root = reported.get(key) or _report(context, session, waiting)
            root.most_waiting = max(root.most_waiting, len(waiting))
            root.longest_wait = max(root.longest_wait, longest)
            present[key] = root
    for key in reported.keys() - present.keys():
        _emit(context, EventKind.LOCK_WAIT_ENDED, reported[key])
    context.memory.reported = present


def _report(
    context: RunContext[LockMemory], session: LockSession, waiting: Sequence[LockSession]
) -> ReportedRoot:
    datname = session.datname or waiting[0].datname
    longest = max(waiter.waited for waiter in waiting)
    root = ReportedRoot(session, datname, len(waiting), longest)
    pids = " ".join(str(waiter.pid) for waiter in waiting[:_MAX_PIDS])
    _emit(context, EventKind.LOCK_WAIT_STARTED, root, waiters=pids)
    return root


def _emit(
    context: RunContext[LockMemory], kind: EventKind, root: ReportedRoot, **more: str
) -> None:
    session = root.session
    details: dict[str, str | float] = {
        "application_name": session.application_name,
        "state": session.state,
        "transaction_seconds": round(session.transaction or 0.0, 3),
        "sessions": root.most_waiting,
        "longest_wait_seconds": round(root.longest_wait, 3),
    }
    context.emit(Event(kind, root.datname, f"pid {session.pid}", details | more))
