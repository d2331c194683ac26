"""PgBouncer's own limits, each as a pool of connections of which some are in use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pg_migration_exporter.collectors.pgbouncer.console import Record

#: Server connections that no other client can be given now.
_BUSY = ("sv_active", "sv_active_cancel", "sv_being_canceled", "sv_tested", "sv_login")
#: Those that exist: for limits that count them all.
_EXISTING = (*_BUSY, "sv_idle", "sv_used")
_CONSOLE = "pgbouncer"


class Limit(NamedTuple):
    """`name` begins with the setting that limits."""

    name: str
    used: int
    most: int


def limits(answers: Mapping[str, Sequence[Record]]) -> Iterator[Limit]:
    """Everything that is limited; the console's own pool is left out."""
    pools = [pool for pool in answers["POOLS"] if pool["database"] != _CONSOLE]
    yield from _pools(pools, answers)
    yield from _databases(answers["DATABASES"])
    yield from _users(pools, answers)
    clients = _value(answers["LISTS"], "list", "used_clients", "items")
    most = _value(answers["CONFIG"], "key", "max_client_conn", "value")
    if clients is not None and most is not None:
        yield Limit("max_client_conn", clients, most)


def _pools(pools: Sequence[Record], answers: Mapping[str, Sequence[Record]]) -> Iterator[Limit]:
    """A pool for each database and user; a user's own pool_size (from 1.23) wins."""
    by_database = {one["name"]: one["pool_size"] for one in answers["DATABASES"]}
    by_user = {one["name"]: _number(one.get("pool_size")) for one in answers["USERS"]}
    for pool in pools:
        database, user = pool["database"], pool["user"]
        size = by_user.get(user)
        if size is None:
            size = _number(by_database.get(database))
        if size is not None:
            yield Limit(f"pool_size {database}/{user}", _sum(pool, _BUSY), size)


def _databases(databases: Sequence[Record]) -> Iterator[Limit]:
    for one in databases:
        most = _number(one.get("max_connections"))
        if most:
            yield Limit(f"max_db_connections {one['name']}", int(one["current_connections"]), most)


def _users(pools: Sequence[Record], answers: Mapping[str, Sequence[Record]]) -> Iterator[Limit]:
    """The limit of each user: SHOW USERS tells it from 1.23, before that it is one for all."""
    general = _value(answers["CONFIG"], "key", "max_user_connections", "value")
    most = {
        one["name"]: _number(one.get("max_user_connections", general)) for one in answers["USERS"]
    }
    used: Counter[str] = Counter()
    for pool in pools:
        used[pool["user"]] += _sum(pool, _EXISTING)
    for user, connections in used.items():
        limit = most.get(user, general)
        if limit:
            yield Limit(f"max_user_connections {user}", connections, limit)


def _sum(pool: Record, columns: Sequence[str]) -> int:
    return sum(int(pool.get(column) or 0) for column in columns)


def _value(rows: Sequence[Record], key: str, name: str, column: str) -> int | None:
    return next((_number(row[column]) for row in rows if row[key] == name), None)


def _number(value: object) -> int | None:
    """A whole number, which SHOW USERS pads with blanks; None for nothing."""
    text = str(value if value is not None else "").strip()
    return int(text) if text else None
