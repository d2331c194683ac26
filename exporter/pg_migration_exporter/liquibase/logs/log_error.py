"""One error of the server's log, and the JSON in which the log pipeline posts errors.

The pipeline posts neither a statement's text nor its parameters, and what else arrives is dropped:
of a statement only its kind is stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from pg_migration_exporter.liquibase.reports.report import Count, Seconds, Text
from pg_migration_exporter.postgres.statement_kind import kind_of

#: Path of the exporter's HTTP endpoint for errors of the log.
LOG_ERRORS_PATH = "/api/v1/log-errors"
#: Bytes of one request; Fluent Bit sends at most a chunk of 2 MB.
MAX_BYTES = 4 << 20

_LONGEST_STATEMENT = 1000


def _kind(value: object) -> object:
    return kind_of(value[:_LONGEST_STATEMENT]) if isinstance(value, str) else value


class LogError(BaseModel):
    """An entry of severity ERROR or worse. Times in seconds since the epoch, the server's.

    `started` is when its session began, in whole seconds; 0 if that is not known.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    time: Seconds
    pid: Count
    started: Seconds = 0.0
    user: Text = ""
    database: Text = ""
    application: Text = ""
    severity: Literal["ERROR", "FATAL", "PANIC"]
    sqlstate: Text = ""
    message: Text = ""
    #: The kind of the statement that failed: `CREATE INDEX`, `INSERT`, ...; "" if not known.
    statement: Annotated[str, BeforeValidator(_kind)] = ""

    def __str__(self) -> str:
        """Return the error as a person reads it: `ALTER TABLE: relation ... (SQLSTATE 42P01)`."""
        statement = f"{self.statement}: " if self.statement else ""
        sqlstate = f" (SQLSTATE {self.sqlstate})" if self.sqlstate else ""
        return f"{statement}{self.message}{sqlstate}"


def parse_log_errors(content: str | bytes) -> list[LogError]:
    """Parse a JSON array, or one JSON object in each line; entries that are no error are skipped.

    Raises ValueError for anything else; it quotes nothing.
    """
    try:
        return [error for entry in _entries(content) if (error := _log_error(entry)) is not None]
    except (ValueError, RecursionError):
        raise ValueError("neither a JSON array nor one JSON object in each line") from None


def _entries(content: str | bytes) -> Iterable[Any]:
    text = content.decode(errors="replace") if isinstance(content, bytes) else content
    if text.lstrip().startswith("["):
        entries: list[Any] = json.loads(text)
        return entries
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def _log_error(entry: object) -> LogError | None:
    try:
        return LogError.model_validate(entry)
    except ValidationError:
        return None
