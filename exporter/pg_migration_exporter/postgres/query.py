"""One statement of the exporter, in variants for different server versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pg_migration_exporter.postgres.capabilities import OLDEST_SUPPORTED, Capabilities, Role


class Query:
    """One statement, in variants by the oldest server version on which each runs.

    It is skipped where the server does not have the replication role `on`, and, if `optional`, on
    servers older than all variants; one that is not optional disables its collector there.
    """

    __slots__ = ("on", "optional", "variants")

    def __init__(
        self, sql: str | Mapping[int, str], *, on: Role | None = None, optional: bool = False
    ) -> None:
        self.variants = {OLDEST_SUPPORTED: sql} if isinstance(sql, str) else dict(sql)
        self.on = on
        self.optional = optional

    @property
    def oldest(self) -> int:
        """The oldest server version that it runs on, as in PG_VERSION_NUM."""
        return min(self.variants)

    def runs_on(self, server: Capabilities) -> bool:
        """Return whether the statement runs on this server."""
        return self.on in (None, server.role) and server.version_num >= self.oldest

    def for_version(self, version_num: int) -> str:
        """Return the variant of the newest version that is not newer than the server.

        Raises LookupError for a server that is older than all variants.
        """
        usable = [version for version in self.variants if version <= version_num]
        if not usable:
            raise LookupError(f"no variant for server version {version_num}")
        return self.variants[max(usable)]


def array(values: Iterable[object]) -> str:
    """Return an array literal for use as a parameter (PostgreSQL, "Array Value Input")."""
    escaped = (str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in escaped) + "}"
