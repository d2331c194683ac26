"""The command and the index name of an index build, from the text of its statement.

A plain CREATE INDEX has no row in pg_index that others can see before it commits, so its name is
nowhere else. The text is read as PostgreSQL does: without comments and literals, unquoted names in
lower case, names at most 63 bytes long. Where the index is not certain, no name is better than a
wrong one.
"""

from __future__ import annotations

import re
import string

_LONGEST_NAME = 63
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

_SKIPPED = re.compile(r"""(?P<name>"(?:[^"]|"")*")|'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/""", re.DOTALL)
_NAME = r"""(?:"(?:[^"]|"")+"|[^\s"'(),.;]+)"""
_TABLE = rf"(?:{_NAME}\.)?(?P<table>{_NAME})"
_CREATE = re.compile(
    rf"\bcreate\s+(?:unique\s+)?index\s+(?P<how>concurrently\s+)?(?:if\s+not\s+exists\s+)?"
    rf"(?:(?P<index>{_NAME})\s+)?on\s+(?:only\s+)?{_TABLE}",
    re.IGNORECASE,
)
_CONSTRAINT = re.compile(
    rf"\balter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?{_TABLE}[^;]*?"
    rf"\bconstraint\s+(?P<index>{_NAME})\s+(?:unique|primary\s+key|exclude)\b",
    re.IGNORECASE,
)
_VERBS = re.compile(
    r"\b(?:(?P<create>create)\s+(?:unique\s+)?index|(?P<reindex>reindex)|(?P<alter>alter)\s+table)\b"
    r"(?P<rest>[^;]*)",
    re.IGNORECASE,
)
_CONCURRENTLY = re.compile(r"\bconcurrently\b", re.IGNORECASE)
_COMMANDS = {"create": "CREATE INDEX", "reindex": "REINDEX", "alter": "ALTER TABLE"}


def command_of(statement: str) -> str | None:
    """Return the command as in pg_stat_progress_create_index, or ALTER TABLE; None for others."""
    found = _VERBS.search(_bare(statement))
    if found is None:
        return None
    command = next(_COMMANDS[verb] for verb in _COMMANDS if found[verb])
    concurrently = command != "ALTER TABLE" and _CONCURRENTLY.search(found["rest"])
    return f"{command} CONCURRENTLY" if concurrently else command


def index_name(statement: str, table: str) -> str:
    """Return the only index or constraint that `statement` makes on `table`; empty if unsure."""
    text = _bare(statement)
    found = [*_CREATE.finditer(text), *_CONSTRAINT.finditer(text)]
    names = {_folded(match["index"] or "") for match in found if _folded(match["table"]) == table}
    return names.pop() if len(names) == 1 else ""


def _bare(statement: str) -> str:
    """Return the statement with blanks for its comments and literals."""
    return _SKIPPED.sub(lambda match: match["name"] or " ", statement)


def _folded(name: str) -> str:
    """Return a name as the catalogs have it."""
    quoted = name.startswith('"')
    folded = name[1:-1].replace('""', '"') if quoted else name.translate(_LOWER)
    return folded.encode("utf-8", "surrogateescape")[:_LONGEST_NAME].decode("utf-8", "ignore")
