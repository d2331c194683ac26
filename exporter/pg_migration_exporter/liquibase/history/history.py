"""The history table, read once and from then on only where it grew.

New rows are found behind the last one read by a TID range scan, which costs the same however long
the history is. Updated, deleted and moved rows are not found that way: the table's row counters
tell of them, and then everything is read again, as it is once in a while anyway.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pg_migration_exporter.liquibase.changelog import normalize_path
from pg_migration_exporter.liquibase.state.memory import Counters

#: Before the first row of a table.
BEGINNING = "(0,0)"
#: Seconds after which everything is read again, whatever the counters say.
_READ_AGAIN_AFTER = 600.0


@dataclass(frozen=True, slots=True)
class Row:
    """One changeset as recorded. `executed` is in seconds of the session's own time zone: only
    differences mean anything. `committed` is in seconds since the epoch, None if not kept.
    """

    tid: str
    identity: str
    checksum: str | None
    exectype: str
    order: int
    tag: str | None
    deployment_id: str | None
    executed: float | None
    committed: float | None


@dataclass(slots=True)
class History:
    """What was read of one history table."""

    checksums: dict[str, str | None] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    last: Row | None = None
    deployed: int = 0
    position: str = BEGINNING
    #: Grows with every change, so that what is derived from the history knows when it is old.
    version: int = 0
    _baseline: Counters | None = None
    _added: int = 0
    _read_at: float = 0.0

    def is_complete(self, counters: Counters, now: float) -> bool:
        """Whether `add` alone keeps the history right, by the counters of the same moment."""
        base = self._baseline
        return (
            base is not None
            and counters.updated == base.updated
            and counters.deleted == base.deleted
            and 0 <= counters.inserted - base.inserted <= self._added
            and 0 <= now - self._read_at < _READ_AGAIN_AFTER
        )

    def add(self, rows: list[Row]) -> list[Row]:
        """Take in rows found behind `position`; returns those whose identity is new, in order."""
        new = [row for row in rows if row.identity not in self.checksums]
        for row in sorted(rows, key=lambda row: row.order):
            self._take(row)
        if rows:
            self.position = max((row.tid for row in rows), key=_tid)
            self.version += 1
        self._added += len(new)
        return sorted(new, key=lambda row: row.order)

    def replace(self, rows: list[Row], counters: Counters, now: float) -> list[Row]:
        """Take in the whole table; returns the rows whose identity is new, in order."""
        known = self.checksums
        self.checksums, self.tags, self.last, self.deployed = {}, {}, None, 0
        self.position = BEGINNING
        self.add(rows)
        self.version += 1
        self._baseline, self._added, self._read_at = counters, 0, now
        return sorted((row for row in rows if row.identity not in known), key=lambda row: row.order)

    def _take(self, row: Row) -> None:
        self.checksums[row.identity] = row.checksum
        if row.tag is not None:
            self.tags[row.tag] = row.identity
        if self.last is None or row.order >= self.last.order:
            same = self.last is not None and self.last.deployment_id == row.deployment_id
            self.deployed = self.deployed + 1 if same else 1
            self.last = row


def read_rows(rows: list[tuple[Any, ...]]) -> list[Row]:
    """The answer of `tables.READ_ROWS`."""
    return [
        Row(tid, f"{normalize_path(path)}::{name}::{author}", *rest)
        for tid, path, name, author, *rest in rows
    ]


def _tid(text: str) -> tuple[int, int]:
    block, offset = text.strip("()").split(",")
    return int(block), int(offset)
