"""The row of Liquibase's lock table, and when it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows

#: Time zones differ by multiples of this many seconds.
_ZONE_STEP = 900.0
#: LOCKGRANTED is the start of a transaction, which ends a little later.
_TRANSACTION = 2.0

#: The lock's row, or nulls, and the server's clock. Placeholders: lock, committed.
READ_LOCK = Query(
    """
select held.locked, held.lockedby, held.version, held.granted,
       coalesce(held.is_first, false) as is_first,
       extract(epoch from held.committed)::float8 as committed,
       extract(epoch from clock_timestamp())::float8 as now
  from (select 1) as always
  left join (select locked, left(lockedby, 1000) as lockedby, xmin::text as version,
                    extract(epoch from lockgranted)::float8 as granted,
                    ctid operator(pg_catalog.=) '(0,1)' as is_first, {committed} as committed
               from only {lock} where id operator(pg_catalog.=) 1) as held on true
"""
)
#: As above, without a lock table.
READ_NO_LOCK = Query(
    """
select null::bool as locked, null::text as lockedby, null::text as version,
       null::float8 as granted, false as is_first, null::float8 as committed,
       extract(epoch from clock_timestamp())::float8 as now
"""
)


@dataclass(frozen=True, slots=True)
class LockRow:
    """The row of a lock table, free without one. `version` is its xmin, "" without a row.

    `granted` is LOCKGRANTED in the client's time zone, `committed` the commit time of its
    transaction, both in seconds since the epoch. `is_first` is True for the first row version of
    its table: none has replaced it.
    """

    locked: bool = False
    locked_by: str = ""
    version: str = ""
    granted: float | None = None
    committed: float | None = None
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class TimeTaken:
    """When the lock was taken: not before `earliest` and not after `latest`."""

    earliest: float
    latest: float


def read_lock(rows: Rows) -> tuple[LockRow, float]:
    """Return the row of `READ_LOCK`, and the server's time."""
    [row] = rows.named()
    lock = LockRow(
        bool(row["locked"]),
        row["lockedby"] or "",
        row["version"] or "",
        row["granted"] if isfinite(row["granted"] or 0.0) else None,
        row["committed"],
        row["is_first"],
    )
    return lock, row["now"]


def time_taken(row: LockRow, changed_after: float, first_seen: float) -> TimeTaken:
    """Return when the lock was taken.

    The row changed after `changed_after` (0: unknown) and was first seen at `first_seen`. Without
    a commit time, LOCKGRANTED is the server's clock except for the client's time zone.
    """
    if row.committed is not None:
        return TimeTaken(row.committed, row.committed)
    if row.granted is None:
        return TimeTaken(changed_after, first_seen)
    granted = first_seen - (first_seen - row.granted) % _ZONE_STEP
    if not changed_after:
        return TimeTaken(0.0, granted)
    if granted < changed_after - _TRANSACTION:  # not the server's clock
        return TimeTaken(changed_after, first_seen)
    return TimeTaken(granted, granted)
