"""The index builds in progress, as one read of the server returns them.

Times are the server's, in seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pg_migration_exporter.collectors.index_builds.progress import Counters, progress_ratio
from pg_migration_exporter.collectors.index_builds.statement import command_of, index_name
from pg_migration_exporter.postgres.rows import Rows

#: Ends of the names under which REINDEX CONCURRENTLY builds.
_TEMPORARY_SUFFIXES = ("_ccnew", "_ccold")


class StatementId(NamedTuple):
    """What identifies a statement on one server."""

    pid: int
    backend_start: float
    query_start: float


@dataclass(frozen=True, slots=True)
class Locker:
    """The session that a build waits for; `transaction` is the age of its transaction."""

    application_name: str
    state: str
    transaction: float


@dataclass(frozen=True, slots=True)
class BuildSnapshot:
    """One build at one moment.

    `index_relid` is 0 and `indexrelname` may be empty while the new index is not visible yet.
    """

    statement: StatementId
    now: float
    relid: int
    index_relid: int
    command: str
    schemaname: str
    relname: str
    indexrelname: str
    phase: str
    counters: Counters
    blocked: float
    filenodes: Mapping[int, int | None]
    table_filenode: int
    locker: Locker | None

    @property
    def ratio(self) -> float | None:
        """Progress by the counters of this moment; None where they do not show it."""
        return progress_ratio(self.command, self.phase, self.counters)

    @property
    def lockers(self) -> int:
        """The number of transactions that it still has to wait for."""
        done, total = self.counters.lockers
        return max(total - done, 0) if total else int(self.locker is not None)

    @property
    def elapsed(self) -> float:
        """Seconds since the statement began."""
        return max(self.now - self.statement.query_start, 0.0)


def read_snapshots(rows: Rows) -> list[BuildSnapshot]:
    """Read the rows of `sql.IN_PROGRESS`; statements that build nothing are left out."""
    snapshots = [_snapshot(row) for row in rows.named() if row["pid"] is not None]
    return [snapshot for snapshot in snapshots if snapshot is not None]


def _snapshot(row: Mapping[str, Any]) -> BuildSnapshot | None:
    command = row["command"] or command_of(row["statement"])
    if command is None or (command == "ALTER TABLE") != (row["phase"] == "rewriting the table"):
        return None
    relname = row["relname"] or ""
    counts = row["counters"]
    pairs = [(counts[index], counts[index + 1]) for index in range(0, len(counts), 2)]
    return BuildSnapshot(
        statement=StatementId(row["pid"], row["backend_start"], row["query_start"]),
        now=row["now"],
        relid=row["relid"],
        index_relid=row["index_relid"],
        command=command,
        schemaname=row["schemaname"] or "",
        relname=relname,
        indexrelname=_final_name(row["indexrelname"]) or index_name(row["statement"], relname),
        phase=row["phase"],
        counters=Counters(*pairs),
        blocked=row["blocked"] or 0.0,
        filenodes=dict(zip(row["indexes"], row["filenodes"], strict=True)),
        table_filenode=row["table_filenode"] or 0,
        locker=_locker(row),
    )


def _locker(row: Mapping[str, Any]) -> Locker | None:
    if not row["locker"]:
        return None
    return Locker(
        row["locker_application"] or "", row["locker_state"], row["locker_transaction"] or 0.0
    )


def _final_name(name: str | None) -> str:
    """Return the name of an index after the build: REINDEX CONCURRENTLY builds under another."""
    base = (name or "").rstrip("0123456789")
    for suffix in _TEMPORARY_SUFFIXES:
        if base.endswith(suffix):
            return base.removesuffix(suffix)
    return name or ""
