"""Phrases that the page and the terminal share."""

from __future__ import annotations

from pg_migration_exporter.config.schema import DEFAULT_TARGET
from pg_migration_exporter.formatting import count, duration, short_duration
from pg_migration_exporter.status.model import CheckStatus, Waits

#: How many of the statements that took most time are shown.
STATEMENTS_SHOWN = 5
#: How many reasons of the verdict are shown.
REASONS_SHOWN = 4
#: Characters of an address that are shown.
_MAX_ADDRESS = 40


def target_title(name: str, address: str) -> str:
    """Return the name and address of a target; the default target has an address only."""
    short = short_address(address)
    return short if name == DEFAULT_TARGET else f"{name} ({short})"


def short_address(address: str) -> str:
    """Return HOST:PORT/DATABASE with the first label of a long host: `db1.…:5432/quests`."""
    host, colon, rest = address.rpartition(":")
    first, dot, _ = host.partition(".")
    if len(address) <= _MAX_ADDRESS or not dot or not first or host[0] in "[/":
        return address
    return f"{first}.…{colon}{rest}"


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


def sessions_counted(waits: Waits) -> str:
    """Return how many sessions wait for locks, and how many of them behind a migration."""
    if not waits.blocked:
        return "no session waits"
    behind = waits.behind_migrations
    return sessions_waiting(waits.blocked) + (f", {behind} behind the migration" if behind else "")


def time_spent(seconds: float, calls: int) -> str:
    """Return the time of a statement: `12 s in 1,234 calls, 9.7 ms each`."""
    each = f", {short_duration(seconds / calls)} each" if calls else ""
    return f"{short_duration(seconds)} in {count(calls, 'call')}{each}"
