"""Whether a changeset certainly writes when it runs: its transaction then gets an id."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .statements import Change

#: Changes whose SQL for PostgreSQL writes to the catalogs or to a table in every case. Left out are
#: those that may find nothing to do, such as `update`, and `createSequence` (IF NOT EXISTS).
_CHANGES = frozenset(
    {
        *("addAutoIncrement", "addColumn", "addDefaultValue", "addForeignKeyConstraint"),
        *("addLookupTable", "addNotNullConstraint", "addPrimaryKey", "addUniqueConstraint"),
        *("alterSequence", "createIndex", "createTable", "createView", "dropColumn"),
        *("dropForeignKeyConstraint", "dropIndex", "dropNotNullConstraint", "dropPrimaryKey"),
        *("dropSequence", "dropTable", "dropUniqueConstraint", "dropView", "insert"),
        *("mergeColumns", "modifyDataType", "renameColumn", "renameSequence", "renameTable"),
        "renameView",
    }
)
#: Attributes under which such a change may find nothing to do.
CONDITIONS = ("ifExists", "ifNotExists", "dbms")

_COMMENTS = re.compile(r"(?:\s+|--[^\n]*+(?:\n|$)|/\*(?:[^*]|\*(?!/))*+\*/)*+")
#: The start of a statement that writes in every case, unless `_MAY_WRITE_NOTHING` is found in it.
_WRITES = re.compile(
    r"(?:create|alter(?!\s+system)|drop(?!\s+owned)|truncate|refresh\s+materialized"
    r"|reindex\s+(?:\([^)]*\)\s*)?index|(?:grant|revoke)\b.*?\bon|comment\s+on"
    r"|insert\s+into\b(?!.*\bselect\b).*?\bvalues)\b",
    re.IGNORECASE | re.DOTALL,
)
_MAY_WRITE_NOTHING = re.compile(
    r"\bif\s+(?:not\s+)?exists\b|\bon\s+conflict\b|\bin\s+schema\b|\bis\s+null\b|\bis\s+''",
    re.IGNORECASE,
)
#: Characters of a statement that are searched.
_SEARCHED = 20_000


def certainly_writes(changes: Iterable[Change], scripts: Iterable[str]) -> bool:
    """Whether one of the changes, or the first statement of one of their scripts, does."""
    return any(map(_change_writes, changes)) or any(map(script_writes, scripts))


def _change_writes(change: Change) -> bool:
    return change.kind in _CHANGES and not change.attributes


def script_writes(script: str) -> bool:
    """Whether the first statement of an SQL script writes in every case."""
    start = _COMMENTS.match(script)
    statement = script[start.end() if start else 0 :][:_SEARCHED].split(";", 1)[0]
    return bool(_WRITES.match(statement)) and not _MAY_WRITE_NOTHING.search(statement)
