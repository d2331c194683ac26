"""Which databases of a server are watched in addition to the one of the connection string."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pg_migration_exporter.config.schema import DatabasesSection
from pg_migration_exporter.postgres.capabilities import Capabilities


@dataclass(frozen=True, slots=True)
class WatchedDatabases:
    """The other databases to watch, by name.

    `missing` are named in the configuration but not offered by the server, or were watched and
    refuse the role now; `left_out` is how many exceed the limit.
    """

    names: Sequence[str]
    missing: Sequence[str]
    left_out: int

    @classmethod
    def choose(
        cls, server: Capabilities, section: DatabasesSection, before: Collection[str] = ()
    ) -> WatchedDatabases:
        """Match the databases that the server offers with the configuration.

        `before` are those that were watched: one that was dropped is forgotten.
        """
        matching = [
            name
            for name in server.databases
            if name != server.datname
            and _matches(name, section.include)
            and not _matches(name, section.exclude)
        ]
        exact_names = [name for name in section.include if not set(name) & set("*?[")]
        limit = section.limit - 1
        return cls(
            names=matching[:limit],
            missing=[name for name in exact_names if name not in server.databases]
            + [
                name
                for name in server.refused_databases
                if name in before and name not in exact_names
            ],
            left_out=len(matching[limit:]),
        )

    def problem(self) -> str | None:
        """Return what is wrong with the configured names and how to fix it; None if nothing is."""
        problems = [
            f"{name} does not exist, or CONNECT is not granted on it" for name in self.missing
        ]
        if self.left_out:
            problems.append(
                f"{self.left_out} are beyond databases.limit: raise it, or exclude them"
            )
        return "; ".join(problems) or None


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
