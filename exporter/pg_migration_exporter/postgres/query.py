"""One statement of the exporter, in variants for different server versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pg_migration_exporter.postgres.capabilities import OLDEST_SUPPORTED, Capabilities, Role


@dataclass(frozen=True, slots=True)
class Query:
    """One statement, in variants by the oldest server version each runs on.

    It is left out where the server is not `on` that side of replication, and, if `optional`, on
    servers older than every variant; one that is not optional stops its collector there.
    """

    sql: Mapping[int, str]
    on: Role | None = None
    optional: bool = False

    def __init__(
        self, sql: str | Mapping[int, str], *, on: Role | None = None, optional: bool = False
    ) -> None:
        variants = {OLDEST_SUPPORTED: sql} if isinstance(sql, str) else dict(sql)
        object.__setattr__(self, "sql", variants)
        object.__setattr__(self, "on", on)
        object.__setattr__(self, "optional", optional)

    @property
    def oldest(self) -> int:
        """The oldest server version that it runs on, as in PG_VERSION_NUM."""
        return min(self.sql)

    def runs_on(self, server: Capabilities) -> bool:
        """Whether this server has what the statement reads."""
        return self.on in (None, server.role) and server.version_num >= self.oldest

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
