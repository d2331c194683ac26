"""Liquibase's log as records: `[2026-01-06 20:15:00] INFO [liquibase.changelog] message`.

The level's name is in the JVM's language and many messages are too; those read in `progress` are
English in every language (4.20 to 5.0).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

_HEAD = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] [^\[]*\[(?P<channel>[^\]]*)\] (?P<text>.*)")
#: A record longer than this is cut: a stack trace or a changeset's SQL.
_MOST_LINES = 200


class Record(NamedTuple):
    """One record; further lines of its message, and a stack trace, are in `lines`."""

    channel: str
    lines: list[str]

    @property
    def text(self) -> str:
        """The first line."""
        return self.lines[0]


class RecordReader:
    """Makes records of bytes as they come."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._unfinished = ""
        self._record: Record | None = None

    def feed(self, content: bytes, *, final: bool = False) -> Iterator[Record]:
        """Yield the records that are complete; `final` completes the last one."""
        *lines, self._unfinished = (self._unfinished + self._decoder.decode(content, final)).split(
            "\n"
        )
        if final:
            lines.append(self._unfinished)
        for line in lines:
            yield from self._add(line.rstrip("\r"))
        if final and self._record is not None:
            yield self._record

    def _add(self, line: str) -> Iterator[Record]:
        head = _HEAD.match(line)
        if head is None:
            if self._record is not None and len(self._record.lines) < _MOST_LINES:
                self._record.lines.append(line)
            return
        if self._record is not None:
            yield self._record
        self._record = Record(head["channel"], [head["text"]])
