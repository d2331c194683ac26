"""A row of a history table, as `tables.READ_ROWS` returns it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from pg_migration_exporter.errors import UnfitAnswerError
from pg_migration_exporter.liquibase.changelog import normalize_path
from pg_migration_exporter.liquibase.history.changes import ChangeKind

#: Before the first row of a table.
BEGINNING = 0
#: Offsets of rows within a block are smaller (PostgreSQL, src/include/storage/off.h).
_OFFSETS = 2**16
#: Seconds by which time zones differ, or a multiple of it.
_TIME_ZONE_STEP = 900.0
#: Seconds from the start of the transaction that records a changeset to its commit, at most.
_COMMIT_DELAY = 10.0

#: Many changesets share a file.
_normalized = lru_cache(maxsize=256)(normalize_path)


class Row(NamedTuple):
    """One recorded changeset.

    `position` is its place in the table, block * 65536 + offset. `executed` is in seconds of the
    session's time zone: only differences are meaningful. `committed` is in seconds since the epoch,
    or None if the server does not keep it. `xid` is the transaction that wrote the row.
    """

    position: int
    identity: str
    checksum: str | None
    exectype: str
    order: int
    tag: str | None
    deployment_id: str | None
    executed: float | None
    committed: float | None
    xid: int = 0

    @property
    def kind_of_rewrite(self) -> ChangeKind:
        """What wrote the row again, if that has not run its changeset.

        An update that waited for another run writes the checksums of its rows again, as they are.
        """
        if not self.checksum:
            return ChangeKind.CLEARED
        return ChangeKind.CHECKSUM if self.tag is None else ChangeKind.TAGGED

    def recorded_at(self, now: float) -> float | None:
        """Return the commit time, or the start of the run, in seconds since the epoch.

        The commit time is that of a tag, of new checksums or of a restore if one of these wrote the
        row last.
        """
        if self.committed is not None and self._is_committed_by_run(self.committed):
            return self.committed
        return self.deployed_at(now)

    def deployed_at(self, now: float) -> float | None:
        """Return the start of the run on the client's clock, in seconds since the epoch.

        DEPLOYMENT_ID is that clock in milliseconds modulo 10^10, which wraps every 115.7 days: take
        the latest such time. The clock may be a minute ahead.
        """
        deployment_id = self.deployment_id or ""
        if not (deployment_id.isascii() and deployment_id.isdigit()):
            return None
        latest = int((now + 60) * 1000)
        return (latest - (latest - int(deployment_id)) % 10**10) / 1000

    def _is_committed_by_run(self, committed: float) -> bool:
        """Whether the commit fits DATEEXECUTED: NOW() in a time zone of whole quarters of hours."""
        if self.executed is None:
            return True
        late = (committed - self.executed) % _TIME_ZONE_STEP
        return late <= _COMMIT_DELAY or late > _TIME_ZONE_STEP - 1


def read_rows(rows: Sequence[tuple[Any, ...]]) -> list[Row]:
    """Return the rows of `tables.READ_ROWS`, in the order of the table.

    Raises UnfitAnswerError for what Liquibase does not write.
    """
    found = [_read_row(row) for row in rows]
    positions = [row.position for row in found]
    if positions != sorted(positions):
        raise UnfitAnswerError("its rows do not arrive in the order of the table")
    return found


def _read_row(row: Sequence[Any]) -> Row:
    position, path, name, author, checksum, exectype, order, *rest = row
    if None in (path, name, author, exectype) or not isinstance(order, int):
        raise UnfitAnswerError(
            f"the row at ctid {tid_of(position)} has no id, author, filename, exectype or "
            "orderexecuted, which Liquibase writes to every row: correct it, or exclude the table "
            "if it is another's"
        )
    identity = f"{_normalized(path)}::{name}::{author}"
    return Row(position, identity, checksum or None, exectype, order, *rest)


def tid_of(position: int) -> str:
    """Return a position as text of the type tid: `(block,offset)`."""
    block, offset = divmod(position, _OFFSETS)
    return f"({block},{offset})"
