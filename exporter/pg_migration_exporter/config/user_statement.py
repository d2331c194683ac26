"""What every SQL statement of a user's has in common in the configuration, and the files that hold
lists of them: custom metrics and checks."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from glob import glob
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, Field

from pg_migration_exporter.config.problems import Place, read_yaml, validate
from pg_migration_exporter.config.section import Section
from pg_migration_exporter.config.types import Seconds
from pg_migration_exporter.errors import ConfigError

_READS = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(select|with|values|table|show)\b", re.IGNORECASE | re.DOTALL
)


def _check_sql(value: str) -> str:
    if not _READS.match(value):
        raise ValueError("not a statement that only reads; begin it with select or with")
    return value


class UserStatement(Section):
    """One statement. Seconds; `minimum_version` is PostgreSQL's major version."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    sql: Annotated[str, AfterValidator(_check_sql)]
    databases: tuple[str, ...] = ("*",)
    interval: Seconds | None = None
    timeout: Seconds | None = None
    only_on: Literal["primary", "standby", "both"] = "both"
    minimum_version: Annotated[int, Field(ge=14, le=99)] | None = None


OneStatement = TypeVar("OneStatement", bound=UserStatement)


def read_statements(
    file_model: type[BaseModel],
    key: str,
    of: type[OneStatement],
    patterns: Collection[Path],
    beside: Path,
) -> Iterator[tuple[Place, OneStatement]]:
    """Read the files that match, in order; say where each statement of their list `key` stands.

    `file_model` is what a file may hold. Patterns are relative to the folder `beside`. Raises
    ConfigError naming file, line and key.
    """
    for pattern in patterns:
        # Path.glob() refuses a pattern that is absolute.
        names = glob(str(pattern), root_dir=beside)  # noqa: PTH207
        files = sorted(beside / name for name in names)
        if not files:
            raise ConfigError(f"{key}_files: no file matches {pattern}")
        for file in files:
            found = validate(file_model, read_yaml(file), file)
            for number, one in enumerate(getattr(found, key)):
                assert isinstance(one, of)
                yield Place(file, (key, number)), one


def refuse_repeated_names(found: Collection[tuple[Place, OneStatement]]) -> None:
    """Raise ConfigError for a name that another statement of the list has, with its place."""
    names: set[str] = set()
    for place, one in found:
        if one.name in names:
            raise ConfigError(f"{place.of('name')}: there is another {one.name}; rename one")
        names.add(one.name)
