r"""`log_line_prefix` as a regular expression (PostgreSQL, "Error Reporting and Logging").

Patterns are in the syntax of Onigmo, which Fluent Bit uses: `(?<name>...)`, `(?m:.)` for any
character, `\z` for the end. `onigmo.py` translates them for Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Bytes to which PostgreSQL cuts names. pg_config_manual.h: NAMEDATALEN - 1.
LONGEST_NAME = 63
_LONGEST_ESCAPED = LONGEST_NAME * len(r"\xHH")

#: Begins the part that only sessions have: not before the severity, or DETAIL and the like.
NOT_IN_SESSION = "(?:(?![A-Z]+:  )"

_TOKEN = re.compile(r"%(?P<padding>-?\d+)?(?P<escape>.)|(?P<literal>[^%]+)|(?P<lone>%)", re.DOTALL)
_SPECIAL = re.compile(r"([][\\.^$*+?{}()|/])")


@dataclass(frozen=True, slots=True)
class Field:
    """The field behind an escape of the prefix: its name in jsonlog, and a pattern of its text."""

    name: str
    pattern: str


#: Escape -> field. Left out: %n and %t, other forms of the time, and %r, which is %h with a port.
FIELDS = {
    "a": Field("application_name", ".{0,252}?"),
    "u": Field("user", r"[^@\n]*"),
    "d": Field("db", r"[^\s]*"),
    "h": Field("remote_host", r"[^\s]*"),
    "b": Field("backend_type", ".{0,63}?"),
    "p": Field("pid", r"\d+"),
    "P": Field("leader_pid", r"\d*"),
    "m": Field("time", r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{3} \S+"),
    "i": Field("ps", ".{0,63}?"),
    "e": Field("sqlstate", r"[0-9A-Z]{5}"),
    "c": Field("session_id", r"[0-9a-f]+\.[0-9a-f]+"),
    "l": Field("line_num", r"\d+"),
    "s": Field("session_start", r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} \S+"),
    "v": Field("vxid", r"[0-9/]*"),
    "x": Field("txid", r"\d+"),
    "Q": Field("query_id", r"-?\d+"),
}
#: Escapes that are needed for the time, the identity and the class of an entry.
REQUIRED = {"m": "the time", "c": "the session", "l": "the line's number", "e": "the SQLSTATE"}


def check_prefix(prefix: str) -> str:
    """Return the prefix. Raises ValueError if its lines cannot be parsed."""
    escapes = [match["escape"] for match in _TOKEN.finditer(prefix) if match["literal"] is None]
    unknown = [f"%{escape or ''}" for escape in escapes if escape not in {*FIELDS, "q", "%"}]
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is not one of %{', %'.join([*FIELDS, 'q', '%'])}")
    always = escapes[: escapes.index("q")] if "q" in escapes else escapes
    missing = [f"%{escape} ({what})" for escape, what in REQUIRED.items() if escape not in always]
    if missing:
        raise ValueError(f"needs {', '.join(missing)}, before %q if there is one")
    if not prefix.isprintable():
        raise ValueError("write it on one line, without control characters")
    return prefix


def prefix_pattern(prefix: str, *, capture: bool) -> str:
    """Return the pattern of a checked prefix; with `capture`, a named group for each field."""
    sessions_only = "%q" in prefix
    return "".join(_parts(prefix, capture)) + (")?" if sessions_only else "")


def _parts(prefix: str, capture: bool) -> Iterator[str]:
    captured: set[str] = set()
    for token in _TOKEN.finditer(prefix):
        if token["literal"]:
            yield _literal(token["literal"])
        elif token["escape"] == "%":
            yield "%"
        elif token["escape"] == "q":
            yield NOT_IN_SESSION
        else:
            field = FIELDS[token["escape"]]
            text = _padded(field, int(token["padding"] or 0))
            is_new = capture and field.name not in captured
            captured.add(field.name)
            yield f"(?<{field.name}>{text})" if is_new else text


def _padded(field: Field, padding: int) -> str:
    """Return the pattern of a field that PostgreSQL pads with spaces to `padding` bytes.

    An application name is ASCII and not longer than LONGEST_NAME: padded to that, its end is known,
    and no part of it can pass for what follows. Only since PostgreSQL 16 it is longer if it had
    other bytes, each of which is written as \\xHH (pg_clean_ascii).
    """
    width = abs(padding)
    if field.name == "application_name" and width >= LONGEST_NAME:
        return rf"(?:{_exactly(width)}|(?=[^\n\\]*\\x).{{{width + 1},{_LONGEST_ESCAPED}}}?)"
    if not padding:
        return field.pattern
    return f" *{field.pattern}" if padding > 0 else f"{field.pattern} *"


def _exactly(width: int) -> str:
    """Return the pattern of exactly `width` characters of a line.

    Onigmo unrolls eight; it would count `.{63}`, which takes longer than the rest of a prefix.
    """
    return f"(?:.{{8}}){{{width // 8}}}.{{{width % 8}}}"


def _literal(text: str) -> str:
    """Return a pattern that matches `text` and nothing else."""
    return _SPECIAL.sub(r"\\\1", text)
