"""The key of the advisory lock that liquibase-sessionlock takes instead of the lock table's row."""

from __future__ import annotations

from typing import NamedTuple

from pg_migration_exporter.postgres.query import Query

_DEFAULT_NAME = "databasechangeloglock"

#: Whether an advisory lock is held. Parameters: its class IDs and object IDs (oid arrays).
SAMPLE_KEY = Query(
    """
select exists (
    select from pg_locks
     where locktype = 'advisory' and objsubid = 2 and granted
       and classid = any($1::text::oid[]) and objid = any($2::text::oid[])
       and database = (select oid from pg_database where datname = current_database()))
"""
)


class AdvisoryKey(NamedTuple):
    """A lock of pg_advisory_lock(int, int), as pg_locks shows it."""

    classid: int
    objid: int


def keys_for(schemaname: str, history: str, lock: str | None) -> tuple[AdvisoryKey, ...]:
    """Return the keys of a history's lock: the name of a lock table that is missing is a guess."""
    names = (lock,) if lock is not None else (f"{history}lock", _DEFAULT_NAME)
    return tuple(AdvisoryKey(_java_hash(name), _java_hash(schemaname)) for name in {*names})


def _java_hash(text: str) -> int:
    """Return String.hashCode of Java as an unsigned number, as an oid shows it.

    Bytes that are not UTF-8 are lone surrogates here; no session of Java has such a name.
    """
    value = 0
    units = text.encode("utf-16-be", "surrogatepass")
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) % 2**32
    return value
