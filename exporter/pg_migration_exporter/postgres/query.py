"""One statement of the exporter, in variants for different server versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pg_migration_exporter.postgres.capabilities import OLDEST_SUPPORTED


@dataclass(frozen=True, slots=True)
class Query:
    """One statement, in variants by the oldest server version each runs on."""

    sql: Mapping[int, str]

    def __init__(self, sql: str | Mapping[int, str]) -> None:
        variants = {OLDEST_SUPPORTED: sql} if isinstance(sql, str) else dict(sql)
        object.__setattr__(self, "sql", variants)

    @property
    def oldest(self) -> int:
        """The oldest server version that it runs on, as in PG_VERSION_NUM."""
        return min(self.sql)

    def for_version(self, version_num: int) -> str:
        """The variant of the newest version that is not newer than the server.

        Raises LookupError for a server that is older than all variants.
        """
        fitting = [version for version in self.sql if version <= version_num]
        if not fitting:
            raise LookupError(f"no variant for server version {version_num}")
        return self.sql[max(fitting)]


def array(values: Iterable[object]) -> str:
    """Values as the literal of an array (PostgreSQL, "Array Value Input"), to be a parameter."""
    escaped = (str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in escaped) + "}"
