"""Transactions that were rolled back: whether a run went on to its end, without changelog files.

A run that recorded changesets and then failed leaves the rows of a run that succeeded. But it rolls
back two transactions more, or one if its changeset runs outside of a transaction. A run that
succeeds rolls back a fixed number, however many changesets it runs (measured, `_ORDINARY`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows

#: The counters of this database (pg_stat_database): they arrive when a session ends, or is idle.
READ = Query(
    """
select pg_stat_get_db_xact_rollback(oid) as rolled_back, pg_stat_get_db_sessions(oid) as sessions
  from pg_database where datname = current_database()
"""
)

#: The release of Liquibase that wrote the last row, and whether the run may have begun outside of a
#: transaction: it left an invalid index, or before its first row an index that was built by several
#: transactions, as CREATE INDEX CONCURRENTLY does, or a value of an older enum. Parameters: the
#: transaction that released the lock before, "" if unknown, and that of the run's first row.
#: Placeholder: history.
READ_LAST_RUN = Query(
    """
with bounds as (
    select nullif($1::text, '')::xid as released, nullif($2::text, '')::xid as recorded
), written as (
    select i.xmin <> c.xmin as is_outside, i.indisvalid as is_valid, i.xmin as version
      from pg_index i join pg_class c on c.oid = i.indexrelid and c.oid >= 16384
     union all
    select true, true, e.xmin
      from pg_enum e join pg_type t on t.oid = e.enumtypid and t.xmin <> e.xmin
     where t.oid >= 16384
)
select (select left(liquibase, 20) from only {history}
         order by orderexecuted desc limit 1) as version,
       exists (select from written w, bounds b
                where coalesce(age(w.version) < age(b.released), true)
                  and (not w.is_valid
                       or w.is_outside and coalesce(age(w.version) > age(b.recorded), false)))
       as may_begin_outside
"""
)


class _Ordinary(NamedTuple):
    """How many transactions a run rolls back that does not fail.

    An update, one that also creates Liquibase's tables, update-count, a run with nothing to do that
    takes the lock; and how many less an update that begins outside of a transaction.
    """

    update: int
    creating: int
    counting: int
    nothing: int
    less_outside: int


#: Since a release. Releases in between are like their neighbors.
_ORDINARY = (
    ((4, 27), _Ordinary(4, 4, 5, 3, 1)),
    ((4, 24), _Ordinary(3, 4, 5, 3, 0)),
    ((4, 21), _Ordinary(3, 3, 3, 3, 1)),
    ((4, 20), _Ordinary(5, 7, 4, 4, 1)),
)
_UNKNOWN_RELEASE = _Ordinary(3, 3, 3, 4, 1)
#: How many more one rolls back that fails: one in the transaction of the changeset, and one after.
_OF_A_FAILURE = 2


class Completion(StrEnum):
    """Whether a run went on to its end, as far as rolled back transactions show."""

    COMPLETE = "complete"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LastRun:
    """What the history and the catalog show of a run after it ended.

    `version` is Liquibase's, "" if it is not known. `may_begin_outside`: its first changeset may
    have run outside of a transaction.
    """

    version: str = ""
    may_begin_outside: bool = False

    @classmethod
    def read(cls, answer: Rows) -> LastRun:
        """Return the row of `READ_LAST_RUN`."""
        [(version, may_begin_outside)] = answer.rows
        return cls(version or "", may_begin_outside)

    @property
    def ordinary(self) -> _Ordinary:
        """What a run of this release rolls back that does not fail."""
        found = re.match(r"(\d+)\.(\d+)", self.version)
        version = (int(found[1]), int(found[2])) if found else (0, 0)
        return next((counts for since, counts in _ORDINARY if version >= since), _UNKNOWN_RELEASE)


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
    `creates_tables`: the run created Liquibase's.
    """

    count: int
    is_alone: bool
    creates_tables: bool = False

    def without(self, tolerated: int) -> RolledBack:
        """Return the same without errors that Liquibase tolerated, one transaction each."""
        return replace(self, count=self.count - tolerated)

    def of_update(self, run: LastRun, *, released_twice: bool = False) -> Completion:
        """Whether a run that recorded changesets went on to its end."""
        of = run.ordinary
        ordinary = of.creating if self.creates_tables else of.update
        ordinary = of.counting if released_twice else ordinary
        if self.count <= ordinary - (of.less_outside if run.may_begin_outside else 0):
            return Completion.COMPLETE
        is_failure = self.is_alone and self.count >= ordinary + _OF_A_FAILURE
        return Completion.FAILED if is_failure else Completion.UNKNOWN

    def of_nothing(self, run: LastRun) -> Completion:
        """Whether a run failed that took the lock and recorded nothing.

        One that failed outside of a transaction may have rolled back no more than one with nothing
        to do.
        """
        nothing = run.ordinary.nothing
        if self.count < nothing:
            return Completion.COMPLETE
        is_failure = self.is_alone and self.count > nothing
        return Completion.FAILED if is_failure else Completion.UNKNOWN
