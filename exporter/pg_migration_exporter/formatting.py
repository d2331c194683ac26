"""Numbers, times and statements as text for people."""

from __future__ import annotations

from datetime import UTC, datetime

#: Characters of a statement in a list.
_MAX_STATEMENT = 120
#: Characters of a name in a label or in a sentence.
_MAX_NAME = 255
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def clock(moment: float) -> str:
    """Return a time in UTC, as in logs: `2026-03-01 12:00:00`."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S}"


def duration(seconds: float) -> str:
    """Return a time in its two largest units: `3 min 20 s`, `2 h`, `0 s`."""
    rest = round(seconds)
    parts: list[str] = []
    for size, unit in _UNITS:
        number, rest = divmod(rest, size)
        if number or parts:
            parts.append(f"{number} {unit}" if number else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part) or "0 s"


def short_duration(seconds: float) -> str:
    """Return a time that may be short, in three digits: `0.0371 ms`, `1.72 s`, `3 min 20 s`."""
    if round(seconds, 3) < 1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 59.5 else duration(seconds)


def count(number: int, noun: str) -> str:
    """Return `1 session`, `3 sessions`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def one_line(statement: str) -> str:
    """Return a statement on one line, cut after 120 characters."""
    line = " ".join(statement.split())
    return line if len(line) <= _MAX_STATEMENT else f"{line[:_MAX_STATEMENT]}..."


def shortened(name: str) -> str:
    """Return a name of at most 255 characters, the end replaced by `…` if it is longer."""
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…"


def printable(text: str) -> str:
    """Return untrusted text in one line that no terminal obeys: control characters are escaped."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


def capitalized(text: str) -> str:
    """Return the text with a capital first letter."""
    return text[:1].upper() + text[1:]
