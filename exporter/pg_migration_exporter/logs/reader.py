"""Reader of a log that works as Fluent Bit does: bytes to lines, to entries, to fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from pg_migration_exporter.logs.formats import Format
from pg_migration_exporter.logs.onigmo import compile_onigmo

#: Names in jsonlog -> names in the other two formats.
JSON_NAMES = {
    "timestamp": "time",
    "dbname": "db",
    "error_severity": "level",
    "state_code": "sqlstate",
}
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its line break; `is_cut` if it was longer than the limit."""

    number: int
    content: bytes
    is_cut: bool = False


@dataclass(slots=True)
class Entry:
    """An entry of the log; `is_begun` if its first line matches the start of an entry."""

    line: int
    parts: list[str]
    is_begun: bool
    is_cut: bool = False

    @property
    def text(self) -> str:
        """The entry as Fluent Bit joins it."""
        return "\n".join(self.parts)


def lines(file: BinaryIO, limit: int) -> Iterator[Line]:
    """Yield the lines of a file, each cut to `limit` bytes, which bounds the memory."""
    number = 0
    while content := file.readline(limit + 1):
        number += 1
        is_cut = len(content) > limit and not content.endswith(b"\n")
        if is_cut:
            _skip_line(file)
        yield Line(number, content[:limit].rstrip(b"\n").removesuffix(b"\r"), is_cut)


def _skip_line(file: BinaryIO) -> None:
    while (block := file.readline(_BLOCK_BYTES)) and not block.endswith(b"\n"):
        continue


class Reader:
    """Reader of one file in one format."""

    def __init__(self, log_format: Format, limit: int) -> None:
        """Read entries of at most `limit` characters."""
        self._start = compile_onigmo(log_format.start) if log_format.start else None
        self._continuation = (
            compile_onigmo(log_format.continuation) if log_format.continuation else None
        )
        self._entry = compile_onigmo(log_format.entry) if log_format.entry else None
        self._limit = limit

    def entries(self, physical: Iterable[Line]) -> Iterator[Entry]:
        """Yield the entries; a line that belongs to no entry is an entry of its own."""
        current: Entry | None = None
        room = 0
        for line in physical:
            text = line.content.decode(errors="surrogateescape")
            if current and current.is_begun and self._matches(self._continuation, text):
                room -= len(text) + 1
                current.is_cut |= line.is_cut or room < 0
                if room >= 0:
                    current.parts.append(text)
                continue
            if current:
                yield current
            current = Entry(line.number, [text], self._matches(self._start, text), line.is_cut)
            room = self._limit - len(text)
        if current:
            yield current

    @staticmethod
    def _matches(pattern: re.Pattern[str] | None, text: str) -> bool:
        return pattern is not None and pattern.search(text) is not None

    def fields(self, entry: Entry) -> dict[str, Any] | None:
        """Return the fields of an entry that are not empty; None if it cannot be parsed."""
        found = self._match(entry.text) if self._entry else self._load(entry.text)
        if found is None:
            return None
        return {name: value for name, value in found.items() if value not in ("", None)}

    def _match(self, text: str) -> dict[str, Any] | None:
        match = self._entry.search(text) if self._entry else None
        return dict(match.groupdict("")) if match else None

    def _load(self, text: str) -> dict[str, Any] | None:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(found, dict) or not isinstance(found.get("error_severity"), str):
            return None
        return {JSON_NAMES.get(str(name), str(name)): value for name, value in found.items()}
