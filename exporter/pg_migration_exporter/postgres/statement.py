"""Statements that are sent together, and those around the ones that are not ours alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `parameters` are sent as text for $1, $2, ..."""

    sql: str
    parameters: Sequence[str] = ()


#: A read-only transaction whose work is undone, settings included. It is committed nevertheless,
#: because transactions that are rolled back are counted, and rules and judgements read that number.
BEGIN = (Statement("begin transaction read only"), Statement("savepoint before_all"))
END = (Statement("rollback to savepoint before_all"), Statement("commit"))

#: Releases what a rollback does not; is true if there is also a statement prepared by SQL.
CLEAN = Statement(
    """
select pg_catalog.pg_advisory_unlock_all(),
       exists (select from pg_catalog.pg_prepared_statement() where from_sql) as is_dirty
"""
)


def set_timeout(seconds: float) -> Statement:
    """Return what limits the rest of its transaction."""
    milliseconds = str(max(1, round(seconds * 1000)))
    return Statement("select pg_catalog.set_config('statement_timeout', $1, true)", [milliseconds])
