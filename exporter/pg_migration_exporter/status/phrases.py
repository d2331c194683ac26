"""Phrases that the page and the terminal share."""

from __future__ import annotations

from pg_migration_exporter.config.schema import DEFAULT_TARGET
from pg_migration_exporter.formatting import count, duration, short_duration
from pg_migration_exporter.status.model import CheckStatus

#: How many of the statements that took most time are shown.
STATEMENTS_SHOWN = 5


def target_title(name: str, address: str) -> str:
    """Return the name and address of a target; the default target has an address only."""
    return address if name == DEFAULT_TARGET else f"{name} ({address})"


def check_result(check: CheckStatus) -> str:
    """Return the result of a check in a word or two."""
    return {True: "passes", False: "fails", None: "has no result"}[check.passes]


def session_activity(state: str, since: float | None) -> str:
    """Return what a session does: `idle in transaction, started 2 min ago`.

    `since` is the age of its transaction in seconds, None without one.
    """
    if since is None:
        return state
    noun = "" if "in transaction" in state else "transaction "
    return f"{state}, {noun}started {duration(since)} ago"


def sessions_waiting(sessions: int) -> str:
    """Return `1 session waits`, `3 sessions wait`."""
    return f"{count(sessions, 'session')} {'waits' if sessions == 1 else 'wait'}"


def time_spent(seconds: float, calls: int) -> str:
    """Return the time of a statement: `12 s in 1,234 calls, 9.7 ms each`."""
    each = f", {short_duration(seconds / calls)} each" if calls else ""
    return f"{short_duration(seconds)} in {count(calls, 'call')}{each}"
