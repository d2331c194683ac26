"""How the page and the terminal write times, counts and statements."""

from __future__ import annotations

from datetime import UTC, datetime

from pg_migration_exporter.config.schema import DEFAULT_TARGET
from pg_migration_exporter.status.model import CheckStatus

#: Of the statements that took most time, so many are shown.
STATEMENTS_SHOWN = 5
#: Characters of a statement in a list.
_LONGEST = 120
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def clock(moment: float) -> str:
    """A time in UTC, as logs have it: 2026-03-01 12:00:00."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S}"


def duration(seconds: float) -> str:
    """A time in its two largest units: `3 min 20 s`, `2 h`, `0 s`."""
    rest = round(seconds)
    parts: list[str] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part) or "0 s"


def brief(seconds: float) -> str:
    """A time that may be short, in three digits: `0.0371 ms`, `1.72 s`, `3 min 20 s`."""
    if round(seconds, 3) < 1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 59.5 else duration(seconds)


def count(number: int, noun: str) -> str:
    """`1 session`, `3 sessions`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def shortened(statement: str) -> str:
    """A statement on one line, its end cut off where it is long."""
    line = " ".join(statement.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def taken(seconds: float, calls: int) -> str:
    """What a statement took: `12 s in 1,234 calls, 9.7 ms each`."""
    each = f", {brief(seconds / calls)} each" if calls else ""
    return f"{brief(seconds)} in {count(calls, 'call')}{each}"


def waiting(sessions: int) -> str:
    """`1 session waits`, `3 sessions wait`."""
    return f"{count(sessions, 'session')} {'waits' if sessions == 1 else 'wait'}"


def place(name: str, address: str) -> str:
    """Which target: its name and address, or the address alone of the one without a name."""
    return address if name == DEFAULT_TARGET else f"{name} ({address})"


def said(check: CheckStatus) -> str:
    """What a check says, in a word or two."""
    return {True: "passes", False: "fails", None: "gives no answer"}[check.passes]


def sentence(text: str) -> str:
    """With a capital first letter."""
    return text[:1].upper() + text[1:]


def doing(state: str, since: float | None) -> str:
    """What a session does: `idle in transaction that began 2 min ago`; `since` its beginning."""
    if since is None:
        return state
    joint = "" if "in transaction" in state else " in a transaction"
    return f"{state}{joint} that began {duration(since)} ago"
