"""The rows of a history table: read once completely, afterwards only new rows.

A TID range scan finds the rows behind the last one read, at a cost that does not depend on the
length of the history. It does not find updated, deleted and moved rows: if the row counters of the
table show any, the table is read again completely, as it is from time to time anyway.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pg_migration_exporter.liquibase.changelog import normalize_path
from pg_migration_exporter.liquibase.history.counters import RowCounters

#: Before the first row of a table.
BEGINNING = "(0,0)"
#: Seconds after which the table is read again completely, whatever the counters are.
_READ_AGAIN_AFTER = 600.0


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded changeset.

    `executed` is in seconds of the session's time zone: only differences are meaningful.
    `committed` is in seconds since the epoch, or None if the server does not keep it.
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

    def recorded_at(self, now: float) -> float | None:
        """Return the commit time, or the start of the run, in seconds since the epoch.

        DEPLOYMENT_ID is the client's clock in milliseconds modulo 10^10, which wraps every 115.7
        days: take the latest such time. A client's clock may be a minute ahead.
        """
        if self.committed is not None:
            return self.committed
        deployment_id = self.deployment_id or ""
        if not (deployment_id.isascii() and deployment_id.isdigit()):
            return None
        latest = int((now + 60) * 1000)
        return (latest - (latest - int(deployment_id)) % 10**10) / 1000


@dataclass(slots=True)
class History:
    """The contents of one history table."""

    checksums: dict[str, str | None] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    last: Row | None = None
    deployed: int = 0
    position: str = BEGINNING
    #: Grows with every change, so that derived data can be checked for staleness.
    version: int = 0
    _baseline: RowCounters | None = None
    _added: int = 0
    _read_at: float = 0.0

    def is_complete(self, counters: RowCounters, now: float) -> bool:
        """Whether `add` was enough, according to the counters of the same moment."""
        baseline = self._baseline
        return (
            baseline is not None
            and counters.updated == baseline.updated
            and counters.deleted == baseline.deleted
            and 0 <= counters.inserted - baseline.inserted <= self._added
            and 0 <= now - self._read_at < _READ_AGAIN_AFTER
        )

    def add(self, rows: list[Row]) -> list[Row]:
        """Add rows found behind `position`; return those with a new identity, in order."""
        new = [row for row in rows if row.identity not in self.checksums]
        for row in sorted(rows, key=lambda row: row.order):
            self._add_row(row)
        if rows:
            self.position = max((row.tid for row in rows), key=_tid)
            self.version += 1
        self._added += len(new)
        return sorted(new, key=lambda row: row.order)

    def replace(self, rows: list[Row], counters: RowCounters, now: float) -> list[Row]:
        """Replace everything with the whole table; return rows with a new identity, in order."""
        known = self.checksums
        self.checksums, self.tags, self.last, self.deployed = {}, {}, None, 0
        self.position = BEGINNING
        self.add(rows)
        self.version += 1
        self._baseline, self._added, self._read_at = counters, 0, now
        return sorted((row for row in rows if row.identity not in known), key=lambda row: row.order)

    def _add_row(self, row: Row) -> None:
        self.checksums[row.identity] = row.checksum
        if row.tag is not None:
            self.tags[row.tag] = row.identity
        if self.last is None or row.order >= self.last.order:
            same = self.last is not None and self.last.deployment_id == row.deployment_id
            self.deployed = self.deployed + 1 if same else 1
            self.last = row


def read_rows(rows: list[tuple[Any, ...]]) -> list[Row]:
    """Return the rows of `tables.READ_ROWS`."""
    return [
        Row(tid, f"{normalize_path(path)}::{name}::{author}", *rest)
        for tid, path, name, author, *rest in rows
    ]


def _tid(text: str) -> tuple[int, int]:
    block, offset = text.strip("()").split(",")
    return int(block), int(offset)
