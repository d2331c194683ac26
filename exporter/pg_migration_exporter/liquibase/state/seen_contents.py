"""Which changesets were edited since they ran, where only Liquibase can compute their checksum."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pg_migration_exporter.liquibase.changelog import ExpectedChangeset


@dataclass(slots=True)
class SeenContents:
    """The content of changesets in the files, as first seen with their recorded checksum; durable.

    `known` maps an identity to both. An edit while nobody watched is not noticed.
    """

    known: dict[str, tuple[str, str]] = field(default_factory=dict)

    def is_edited(self, changeset: ExpectedChangeset, checksum: str | None) -> bool:
        """Whether the files have another content than when this checksum was first seen."""
        if not changeset.fingerprint or checksum is None:
            return False
        recorded, content = self.known.get(changeset.identity, ("", ""))
        if recorded != checksum:
            self.known[changeset.identity] = checksum, changeset.fingerprint
            return False
        return content != changeset.fingerprint

    def accept(self, changesets: Iterable[str]) -> None:
        """Take the present content of changesets for the one that ran: Liquibase saw no edit."""
        for changeset in changesets:
            self.known.pop(changeset, None)
