"""The kind of a statement, from a fixed list: no other part of its text is returned."""

from __future__ import annotations

import re

_SKIPPED = r"(?:\s|--[^\n]*+|/\*.*?\*/)*+"
_CREATED = (
    "index|table|materialized view|view|function|procedure|trigger|type|sequence|schema|role|"
    "extension|policy|publication|subscription|database"
)
_KIND = re.compile(
    rf"{_SKIPPED}(?P<verb>(?:(?:create|alter|drop)\b(?:\s+(?:or\s+replace|unique|unlogged|temp|"
    rf"temporary))*\s+(?:{_CREATED})\b(?:\s+concurrently\b)?)|refresh\s+materialized\s+view|"
    r"select|insert|update|delete|merge|with|copy|truncate|vacuum|analyze|reindex|cluster|lock|"
    r"comment|grant|revoke|set|show|begin|commit|rollback|prepare|execute|declare|fetch|call|do|"
    r"explain|values|create|alter|drop)\b",
    re.IGNORECASE | re.DOTALL,
)


def kind_of(statement: str) -> str:
    """Return `CREATE INDEX CONCURRENTLY`, `INSERT`, ...; empty if the kind is unknown."""
    found = _KIND.match(statement)
    return " ".join(found["verb"].upper().split()) if found else ""
