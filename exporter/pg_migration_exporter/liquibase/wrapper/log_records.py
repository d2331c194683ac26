"""Records of Liquibase's log: `[2026-01-06 20:15:00] INFO [liquibase.changelog] message`.

The level's name and many messages are in the JVM's language; those that `progress` reads are
English in every language (4.20 to 5.0).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEAD = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] [^\[]*\[(?P<channel>[^\]]*)\] (?P<text>.*)")
#: A record longer than this is cut: a stack trace or a changeset's SQL.
_MAX_LINES = 200
#: Characters of a line that are kept.
_MAX_LINE = 10_000


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record; `lines` are its message and a stack trace."""

    channel: str
    lines: list[str]

    @property
    def text(self) -> str:
        """The first line."""
        return self.lines[0]


class LogRecordReader:
    """Splits the bytes of a log into records as they arrive."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._unfinished = ""
        self._record: LogRecord | None = None

    def feed(self, content: bytes, *, final: bool = False) -> Iterator[LogRecord]:
        """Yield the completed records; `final` completes the last one."""
        first, *others = self._decoder.decode(content, final).split("\n")
        lines = [(self._unfinished + first)[:_MAX_LINE], *others]
        self._unfinished = "" if final else lines.pop()[:_MAX_LINE]
        for line in lines:
            yield from self._add(line[:_MAX_LINE].rstrip("\r"))
        if final and self._record is not None:
            yield self._record

    def _add(self, line: str) -> Iterator[LogRecord]:
        head = _HEAD.match(line)
        if head is None:
            if self._record is not None and len(self._record.lines) < _MAX_LINES:
                self._record.lines.append(line)
            return
        if self._record is not None:
            yield self._record
        self._record = LogRecord(head["channel"], [head["text"]])
