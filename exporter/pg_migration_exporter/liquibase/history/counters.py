"""PostgreSQL's row counters of the history table and the lock table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RowCounters:
    """Rows ever inserted into, updated in and deleted from the history; updates of the lock.

    `filenode` is the file of the history, which TRUNCATE and VACUUM FULL replace; 0 if unknown.
    """

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    locks: int = 0
    filenode: int = 0

    @property
    def rows_written(self) -> int:
        """How often a row of the history was written or removed."""
        return self.inserted + self.updated + self.deleted

    def went_back(self, before: RowCounters) -> bool:
        """True after the statistics were reset, or the tables were created again."""
        return (
            self.inserted < before.inserted
            or self.updated < before.updated
            or self.deleted < before.deleted
            or self.locks < before.locks
        )

    def is_other_file(self, before: RowCounters) -> bool:
        """Whether the file of the history was replaced since `before`."""
        return 0 not in (self.filenode, before.filenode) and self.filenode != before.filenode

    def has_same_history(self, before: RowCounters) -> bool:
        """Whether no row of the history was written since `before`."""
        return (self.inserted, self.updated, self.deleted) == (
            before.inserted, before.updated, before.deleted,
        )  # fmt: skip
