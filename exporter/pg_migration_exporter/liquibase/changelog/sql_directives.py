"""The directives of formatted SQL, comment lines matched as Liquibase's expressions do.

AbstractFormattedChangeLogParser, Liquibase 4.28. Quantifiers that never need to backtrack are
possessive here, so that a hostile line takes time linear in its length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.ASCII | re.IGNORECASE)


#: A line without this start is SQL.
START = _pattern(r"\s*+(?:-|/\*)")
#: Characters that `.` does not match in Java's expressions: a line that has one is SQL too.
LINE_SEPARATORS = re.compile("[\x85\u2028\u2029]")

HEADER = _pattern(r"\s*+--\s*liquibase\s*formatted.*")
PROPERTY = _pattern(r"\s*+--\s*property\s[^:]*+:\S*+\s[^:]*+:")
CHANGESET = _pattern(
    r"\s*+--\s*changeset(?:\s++|\s+(?=\s:))"
    r"""(?P<author>"[^"]++"(?=:)|[^:]++):\s*+(?P<id>"[^"]++"|\S++).*"""
)
IGNORE_LINES = _pattern(r"--\s*ignoreLines:(\w+)")
ROLLBACK_BLOCK_END = _pattern(r".*\*/\s*")

COMMENT = _pattern(r"--\s*comment:? .*")

Refusals = tuple[tuple[re.Pattern[str], str], ...]

#: Refused between `--ignoreLines:start` and `end`, with what Liquibase expects instead.
REFUSED_IN_IGNORED: Refusals = ((_pattern(r"-\s*?ignoreLines:\w+.*"), "--ignoreLines:end"),)
#: Refused anywhere.
REFUSED: Refusals = (
    (_pattern(r"\s*+-+\s*property\s.*"), "--property name:<name> value:<value>"),
    (_pattern(r"-\s*?ignoreLines:\w+.*"), "--ignoreLines:<count|start>"),
    (_pattern(r"--\s*ignore:\w+"), "--ignoreLines:<count|start>"),
    (_pattern(r"-\s*changeset\s.*"), "--changeset <author>:<id>"),
    (_pattern(r"\s*+--\s*changeset.*"), "--changeset <author>:<id>"),
    # Only Liquibase Pro reads these.
    (_pattern(r"\s*+--\s*include(?:\s+file:|All\s).*"), "includes in an XML, YAML or JSON file"),
)


class Action(Enum):
    """What a directive inside a changeset does to the SQL of the changeset."""

    #: The line is not SQL.
    DROP = auto()
    #: Liquibase refuses the file.
    REFUSE = auto()
    #: The line is not SQL; it accepts a further checksum.
    CHECKSUM = auto()
    #: Everything up to the end of the comment is not SQL.
    ROLLBACK_BLOCK = auto()
    #: The line is not SQL; it sets what a failed precondition does.
    PRECONDITIONS = auto()
    #: Liquibase Pro removes the line, Liquibase does not: the checksum is unknown.
    PRO = auto()


#: In the order in which Liquibase tries them; a refusal names what to write instead.
IN_CHANGESET: tuple[tuple[re.Pattern[str], Action, str], ...] = (
    (COMMENT, Action.DROP, ""),
    (_pattern(r"-\s*comment:? .*"), Action.REFUSE, "--comment <comment>"),
    (_pattern(r"--\s*comments:? .*"), Action.REFUSE, "--comment <comment>"),
    (_pattern(r"--\s*validCheckSum:? (?P<value>.*)"), Action.CHECKSUM, ""),
    (_pattern(r"-\s*validCheckSum.*"), Action.REFUSE, "--validCheckSum <checksum>"),
    (_pattern(r"\s*+--\s*rollback .*"), Action.DROP, ""),
    (_pattern(r"\s*+-\s*rollback\s.*"), Action.REFUSE, "--rollback <SQL>"),
    (_pattern(r"\s*+/\*\s*liquibase\s*rollback\s*"), Action.ROLLBACK_BLOCK, ""),
    (_pattern(r"\s*+--\s*preconditions(?P<value>.*)"), Action.PRECONDITIONS, ""),
    (_pattern(r"\s*+-\s*preconditions\s.*"), Action.REFUSE, "--preconditions onFail:<action>"),
    (
        _pattern(r"\s*+--\s*precondition-(?:sql-check|table-exists|view-exists) .*"),
        Action.DROP,
        "",
    ),
    (
        _pattern(r"\s*+--\s*precondition-[a-zA-Z0-9-]+(?: .*)?"),
        Action.REFUSE,
        "a known precondition",
    ),
    (_pattern(r"\s*+-\s*precondition.*"), Action.REFUSE, "--precondition-sql-check"),
    (_pattern(r"\s*+--\s*(?:rollbackSqlFile|tagDatabase).*"), Action.PRO, ""),
)

_WORD, _QUOTED, _FULL = r"\w+", r'".*?"|\S*', r"\S*"
#: The attributes of a `--changeset` line, and the patterns of their values.
CHANGESET_ATTRIBUTES = {
    **dict.fromkeys(("contextFilter", "context", "labels"), _QUOTED),
    **dict.fromkeys(("runOnChange", "runAlways", "failOnError"), _WORD),
    **dict.fromkeys(("stripComments", "splitStatements"), _WORD),
    "runWith": r"[\w${}]+",
    "endDelimiter": _FULL,
    "logicalFilePath": _FULL,
    "ignore": r"\w*",
    "dbms": r"[^,][\w!,]+",
}
#: The attributes of a `--property` line, likewise.
PROPERTY_ATTRIBUTES = {
    **dict.fromkeys(("name", "value"), r"\s*(\S+)"),
    **dict.fromkeys(("contextFilter", "context", "labels"), _QUOTED),
    "dbms": r"[^,][\w!,]+",
    "global": r"\S+",
}


class AttributeParser:
    """Parses the `name:value` pairs of a line; of a repeated name the last with a value counts."""

    def __init__(self, values: Mapping[str, str]) -> None:
        names = "|".join(sorted(values, key=len, reverse=True))
        self._names = _pattern(f"({names}):")
        self._values = {
            name.lower(): (name, _pattern(f"(?:{text})")) for name, text in values.items()
        }

    def parse(self, line: str) -> dict[str, str]:
        """Return the attributes by their canonical names, quotes included."""
        ends: dict[str, list[int]] = {}
        for match in self._names.finditer(line):
            ends.setdefault(match[1].lower(), []).append(match.end())
        found: dict[str, str] = {}
        for lowered, positions in ends.items():
            name, value = self._values[lowered]
            matches = (value.match(line, position) for position in reversed(positions))
            if text := next(filter(None, matches), None):
                found[name] = text[text.lastindex or 0]
        return found


def unquoted(text: str) -> str:
    """Return `text` without one pair of quotes around it."""
    quoted = len(text) > 1 and text[0] in "\"'" and text[0] == text[-1]
    return text[1:-1] if quoted else text
