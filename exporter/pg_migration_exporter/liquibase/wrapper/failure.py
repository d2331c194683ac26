"""Why a run failed, in one line: Liquibase's message without SQL, row values or passwords."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pg_migration_exporter.liquibase.reports.report import Failure
from pg_migration_exporter.liquibase.wrapper.log_records import LogRecord

#: The exception that ends the command is logged here, its message first.
_CHANNEL = "liquibase.integration"
_STACK_TRACE = re.compile(r"(?:[\w$]+\.)+[\w$]*(?:Exception|Error)\b|\tat |Caused by: |\t\.\.\. ")
_MIGRATION_FAILED = re.compile(r"Migration failed for changeset (?P<identity>.+?): Reason: ?")
_CHECKSUM = re.compile(r" +(?P<identity>\S.*?) was: \S+ but is now: ")
_CLASS_NAMES = re.compile(r"\b(?:(?:liquibase|java|javax|org)\.[\w.$]+: )+")
#: The driver puts each further part of the server's message (Detail, Hint, Position, Where, in the
#: JVM's language) on its own line, indented by two; details contain values of rows.
_FURTHER_PART = re.compile(r" {2}\S")
_SQL = "[Failed SQL:"
#: Characters of the message that are read; a report keeps fewer.
_LONGEST = 5000


def read_failure(record: LogRecord) -> Failure | None:
    """Return the failure in a log record, or None. `changeset` is "" if it names none."""
    message = _message(record.lines)
    if record.channel != _CHANNEL or len(message) == len(record.lines):
        return None
    text = " ".join(" ".join(_without_details(message)).split())[:_LONGEST]
    migration = _MIGRATION_FAILED.match(text)
    reason = text[migration.end() :] if migration else text
    changesets = [migration, *map(_CHECKSUM.match, message)]
    identity = next((match["identity"] for match in changesets if match), "")
    return Failure(changeset=identity, reason=_CLASS_NAMES.sub("", reason))


def _message(lines: Sequence[str]) -> list[str]:
    """Return the lines before the stack trace."""
    ends = (at for at, line in enumerate(lines) if at and _STACK_TRACE.match(line))
    return list(lines[: next(ends, len(lines))])


def _without_details(message: Sequence[str]) -> Iterator[str]:
    for line in message:
        if _FURTHER_PART.match(line):
            return
        before, _, sql = line.partition(_SQL)
        yield before
        if sql:
            return
