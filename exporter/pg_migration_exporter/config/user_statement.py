"""The schema that custom metrics and checks share, and their files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from glob import glob
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, Field

from pg_migration_exporter.config.section import Section
from pg_migration_exporter.config.value_types import Seconds
from pg_migration_exporter.config.yaml_file import Location, read_yaml, validate
from pg_migration_exporter.errors import ConfigError

_READS = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(select|with|values|table|show)\b", re.IGNORECASE | re.DOTALL
)


def _check_sql(value: str) -> str:
    if not _READS.match(value):
        raise ValueError("not a statement that only reads; start it with select or with")
    return value


class UserStatement(Section):
    """One statement; `minimum_version` is a major version of PostgreSQL."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    sql: Annotated[str, AfterValidator(_check_sql)]
    databases: tuple[str, ...] = ("*",)
    interval: Seconds | None = None
    timeout: Seconds | None = None
    only_on: Literal["primary", "standby", "both"] = "both"
    minimum_version: Annotated[int, Field(ge=14, le=99)] | None = None


StatementT = TypeVar("StatementT", bound=UserStatement)


def read_statements(
    file_model: type[BaseModel],
    key: str,
    statement_type: type[StatementT],
    patterns: Collection[Path],
    directory: Path,
) -> Iterator[tuple[Location, StatementT]]:
    """Yield each statement in the list `key` of the files that match, with its location.

    `file_model` is the schema of a file. Patterns are relative to `directory`. Raises ConfigError
    with file, line and key.
    """
    for pattern in patterns:
        # Path.glob() refuses absolute patterns.
        names = glob(str(pattern), root_dir=directory)  # noqa: PTH207
        files = sorted(directory / name for name in names)
        if not files:
            raise ConfigError(f"{key}_files: no file matches {pattern}")
        for file in files:
            content = validate(file_model, read_yaml(file), file)
            for number, statement in enumerate(getattr(content, key)):
                assert isinstance(statement, statement_type)
                yield Location(file, (key, number)), statement


def refuse_repeated_names(found: Collection[tuple[Location, StatementT]]) -> None:
    """Raise ConfigError for a name that two statements of the list have."""
    names: set[str] = set()
    for location, statement in found:
        if statement.name in names:
            raise ConfigError(
                f"{location.child('name')}: {statement.name!r} is taken; rename this statement"
            )
        names.add(statement.name)
