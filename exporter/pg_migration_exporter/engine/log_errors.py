"""Pass errors of the server's log on to the memories of the database in which they occurred."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

from pg_migration_exporter.liquibase.logs.log_error import LogError


@runtime_checkable
class AcceptsLogErrors(Protocol):
    """A collector's memory to which errors of the server's log are evidence."""

    def handle_log_errors(self, errors: Sequence[LogError]) -> None:
        """Remember the errors, all of this database."""


def deliver_log_errors(
    errors: Sequence[LogError], datname: str | None, memories: Iterable[Any]
) -> None:
    """Pass on the errors of a database to those memories that accept them."""
    here = [error for error in errors if datname in (None, error.database)]
    for memory in memories:
        if here and isinstance(memory, AcceptsLogErrors):
            memory.handle_log_errors(here)
