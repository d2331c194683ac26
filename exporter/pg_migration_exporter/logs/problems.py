"""Problems of log entries: their effect in the pipeline, and their remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pg_migration_exporter.logs.formats import LEVELS, SECTIONS
from pg_migration_exporter.logs.reader import Entry

Fields = dict[str, Any]

#: Zones that mean the same everywhere. Fluent Bit reads a few others, but none such as "+03".
_ZONES = {"UTC", "GMT", "Z"}
_SUCCESSFUL = "00000"
_FAILING = {"ERROR", "FATAL", "PANIC"}
#: A severity or section in another language: "FEHLER:  ", "DÉTAIL :  ".
_LABEL = re.compile(r"(?:^|\s)([^\W\d_]{2,20})\xa0? ?:  ")


@dataclass(frozen=True, slots=True)
class Problem:
    """A kind of problem. `effect` completes "the entry ..."."""

    name: str
    effect: str
    remedy: str


CUT = Problem("too long", "loses its end", "raise logs.limits.entry in the values")
UNREAD = Problem(
    "not understood",
    "is stored as it is, without fields (level UNPARSED)",
    "give the format with --format, or the server's log_line_prefix with --prefix",
)
TRANSLATED = Problem(
    "severity in another language",
    "is not recognized as an error",
    "set lc_messages = 'C'",
)
ZONE = Problem(
    "time zone",
    "gets a wrong time, or that of its arrival",
    "set log_timezone = 'UTC'",
)
REPEATED = Problem(
    "session and line seen before",
    "is taken for a duplicate and not stored",
    "find what copies entries into the file",
)
BYTES = Problem(
    "not UTF-8",
    "has these bytes replaced",
    "use databases with encoding UTF8, or make clients of SQL_ASCII databases send UTF-8",
)
ZEROS = Problem(
    "null bytes",
    "is damaged",
    "let PostgreSQL rotate (log_rotation_age) instead of copytruncate",
)
FORGED = Problem(
    "severity and SQLSTATE contradict each other",
    "may be forged by a client, through a name that it chose",
    "use jsonlog, which clients cannot forge",
)
PROBLEMS = (UNREAD, TRANSLATED, CUT, ZONE, REPEATED, BYTES, ZEROS, FORGED)


class Sessions:
    """The number of each session's last line, to detect repeated entries."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def is_repetition(self, fields: Fields) -> bool:
        """Return whether the entry's session had that line before, and remember the line."""
        session, number = str(fields.get("session_id", "")), _integer(fields.get("line_num"))
        last = self._last.get(session, 0)
        self._last[session] = max(last, number)
        return 0 < number <= last


def problems_of(entry: Entry, fields: Fields | None, sessions: Sessions) -> Iterator[Problem]:
    """Yield the problems of an entry; `fields` is None if it could not be parsed."""
    if entry.is_cut:
        yield CUT
    if "\0" in entry.text:
        yield ZEROS
    if not _is_utf8(entry.text):
        yield BYTES
    if fields is None:
        yield TRANSLATED if _is_translated(entry.text) else UNREAD
        return
    yield from (problem for problem, applies in _OF_FIELDS.items() if applies(fields))
    if sessions.is_repetition(fields):
        yield REPEATED


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _is_translated(text: str) -> bool:
    label = _LABEL.search(text.partition("\n")[0])
    return label is not None and label[1] not in {*LEVELS, *SECTIONS}


def _is_foreign_level(fields: Fields) -> bool:
    return fields.get("level") not in LEVELS


def _is_foreign_zone(fields: Fields) -> bool:
    return str(fields.get("time", "")).rpartition(" ")[2] not in _ZONES


def _is_contradiction(fields: Fields) -> bool:
    """PostgreSQL gives every error an SQLSTATE other than that of success."""
    failed = fields.get("sqlstate", _SUCCESSFUL) != _SUCCESSFUL
    return fields.get("level") in _FAILING and not failed


_OF_FIELDS: dict[Problem, Callable[[Fields], bool]] = {
    TRANSLATED: _is_foreign_level,
    ZONE: _is_foreign_zone,
    FORGED: _is_contradiction,
}


def _integer(value: object) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdecimal() else 0
