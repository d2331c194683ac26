"""Transactions that were rolled back: whether a run went on to its end, without changelog files.

A run that recorded changesets and then failed leaves the rows of a run that succeeded. But it rolls
back two transactions more, or one if its changeset runs outside of a transaction. A run that
succeeds rolls back a fixed number, however many changesets it runs (measured, `_ORDINARY`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows

#: The counters of this database (pg_stat_database): they arrive when a session ends, or is idle.
READ = Query(
    """
select pg_stat_get_db_xact_rollback(oid) as rolled_back, pg_stat_get_db_sessions(oid) as sessions
  from pg_database where datname = current_database()
"""
)

#: The release of Liquibase that wrote the last row, and whether CREATE INDEX CONCURRENTLY failed
#: once. Placeholder: history.
READ_LAST_RUN = Query(
    """
select (select left(liquibase, 20) from only {history}
         order by orderexecuted desc limit 1) as version,
       exists (select from pg_index where not indisvalid) as has_invalid_index
"""
)

#: How many transactions are rolled back, since a release, by an update that succeeds, one that also
#: creates Liquibase's tables, update-count, and a run with nothing to do that takes the lock.
#: Releases in between are like their neighbors.
_ORDINARY = (
    ((4, 27), (4, 4, 5, 3)),
    ((4, 24), (3, 4, 5, 3)),
    ((4, 21), (3, 3, 3, 3)),
    ((4, 20), (5, 7, 4, 4)),
)
_UNKNOWN_RELEASE = (3, 3, 3, 4)
#: How many more one rolls back that fails: one in the transaction of the changeset, and one after.
_OF_A_FAILURE = 2


class Completion(StrEnum):
    """Whether a run went on to its end, as far as rolled back transactions show."""

    COMPLETE = "complete"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Transactions:
    """Transactions of the database that were rolled back, and its sessions, since a reset."""

    rolled_back: int
    sessions: int

    @classmethod
    def read(cls, answer: Rows) -> Transactions:
        """Return the row of `READ`."""
        [row] = answer.rows
        return cls(*row)

    def is_reset_since(self, before: Transactions) -> bool:
        """Whether the counters began again."""
        return self.rolled_back < before.rolled_back or self.sessions < before.sessions

    def is_disturbed_since(self, before: Transactions) -> bool:
        """Whether a session that was there before rolled something back."""
        return self.rolled_back > before.rolled_back and self.sessions == before.sessions


@dataclass(frozen=True, slots=True)
class RolledBack:
    """How many transactions were rolled back since before a run.

    `is_alone`: by one session, as far as is known; otherwise others may have rolled back some.
    `version` is Liquibase's, "" if it is not known. `creates_tables`: the run created Liquibase's.
    """

    count: int
    is_alone: bool
    version: str = ""
    creates_tables: bool = False
    #: An index is invalid, as a changeset leaves it that fails outside of a transaction.
    has_invalid_index: bool = False

    def without(self, tolerated: int) -> RolledBack:
        """Return the same without errors that Liquibase tolerated, one transaction each."""
        return replace(self, count=self.count - tolerated)

    def of_update(self, *, released_twice: bool = False) -> Completion:
        """Whether a run that recorded changesets went on to its end."""
        update, creating, counting, _ = self._ordinary
        ordinary = counting if released_twice else creating if self.creates_tables else update
        if self.has_invalid_index and self.count == ordinary:
            # Where all changesets run outside of a transaction, there is one less.
            return Completion.UNKNOWN
        if self.count <= ordinary:
            return Completion.COMPLETE
        is_failure = self.is_alone and self.count >= ordinary + _OF_A_FAILURE
        return Completion.FAILED if is_failure else Completion.UNKNOWN

    @property
    def of_nothing(self) -> Completion:
        """Whether a run failed that took the lock and recorded nothing.

        One that failed outside of a transaction may have rolled back no more than one with nothing
        to do.
        """
        *_, nothing = self._ordinary
        if self.count < nothing:
            return Completion.COMPLETE
        is_failure = self.is_alone and self.count > nothing
        return Completion.FAILED if is_failure else Completion.UNKNOWN

    @property
    def _ordinary(self) -> tuple[int, int, int, int]:
        found = re.match(r"(\d+)\.(\d+)", self.version)
        version = (int(found[1]), int(found[2])) if found else (0, 0)
        return next((counts for since, counts in _ORDINARY if version >= since), _UNKNOWN_RELEASE)
