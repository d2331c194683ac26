"""PgBouncer's limits, each as a pool of connections of which some are in use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pg_migration_exporter.collectors.pgbouncer.console import Record

#: Server connections that cannot be given to another client now.
_BUSY = ("sv_active", "sv_active_cancel", "sv_being_canceled", "sv_tested", "sv_login")
#: All server connections.
_EXISTING = (*_BUSY, "sv_idle", "sv_used")
_CONSOLE = "pgbouncer"


class Limit(NamedTuple):
    """A limit and its use; `name` begins with the setting."""

    name: str
    used: int
    maximum: int


def limits(answers: Mapping[str, Sequence[Record]]) -> Iterator[Limit]:
    """Yield all limits; the console's own pool is left out."""
    pools = [pool for pool in answers["POOLS"] if pool["database"] != _CONSOLE]
    yield from _pools(pools, answers)
    yield from _databases(answers["DATABASES"])
    yield from _users(pools, answers)
    clients = _value(answers["LISTS"], "list", "used_clients", "items")
    maximum = _value(answers["CONFIG"], "key", "max_client_conn", "value")
    if clients is not None and maximum is not None:
        yield Limit("max_client_conn", clients, maximum)


def _pools(pools: Sequence[Record], answers: Mapping[str, Sequence[Record]]) -> Iterator[Limit]:
    """Yield a pool for each database and user; a user's own pool_size (1.23) takes precedence."""
    by_database = {row["name"]: row["pool_size"] for row in answers["DATABASES"]}
    by_user = {row["name"]: _number(row.get("pool_size")) for row in answers["USERS"]}
    for pool in pools:
        database, user = pool["database"], pool["user"]
        size = by_user.get(user)
        if size is None:
            size = _number(by_database.get(database))
        if size is not None:
            yield Limit(f"pool_size {database}/{user}", _sum(pool, _BUSY), size)


def _databases(databases: Sequence[Record]) -> Iterator[Limit]:
    for row in databases:
        maximum = _number(row.get("max_connections"))
        if maximum:
            used = int(row["current_connections"])
            yield Limit(f"max_db_connections {row['name']}", used, maximum)


def _users(pools: Sequence[Record], answers: Mapping[str, Sequence[Record]]) -> Iterator[Limit]:
    """Yield the limit of each user: in SHOW USERS from 1.23, before that one for all users."""
    general = _value(answers["CONFIG"], "key", "max_user_connections", "value")
    by_user = {
        row["name"]: _number(row.get("max_user_connections", general)) for row in answers["USERS"]
    }
    used: Counter[str] = Counter()
    for pool in pools:
        used[pool["user"]] += _sum(pool, _EXISTING)
    for user, connections in used.items():
        limit = by_user.get(user, general)
        if limit:
            yield Limit(f"max_user_connections {user}", connections, limit)


def _sum(pool: Record, columns: Sequence[str]) -> int:
    return sum(int(pool.get(column) or 0) for column in columns)


def _value(rows: Sequence[Record], key: str, name: str, column: str) -> int | None:
    return next((_number(row[column]) for row in rows if row[key] == name), None)


def _number(value: object) -> int | None:
    """Return an integer, which SHOW USERS pads with blanks; None for an empty value."""
    text = str(value if value is not None else "").strip()
    return int(text) if text else None
