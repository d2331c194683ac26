"""Faults of PgBouncer: a pool that is used up, and a pooler that is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from demo.scenarios.fault import Fault
from demo.scenarios.migration import WAITING_USERS
from demo.world import DATABASE, World

#: More than the connections of the pool, "default_pool_size".
CLIENTS = 13
_REPORT = b"SELECT pg_sleep(600)"


@contextmanager
def _pool_used_up(world: World) -> Iterator[None]:
    """Use all connections of the pool for reports, so that the players wait for one."""
    through = world.pooler.database(DATABASE)
    with ExitStack() as reports:
        sessions = [reports.enter_context(closing(through.connect())) for _ in range(CLIENTS)]
        for session in sessions:
            session.pgconn.send_query(_REPORT)
        yield
        for session in sessions:
            session.cancel_safe()


@contextmanager
def _pooler_gone(world: World) -> Iterator[None]:
    world.pooler.process.kill()
    yield
    world.pooler.start()


POOL_USED_UP = Fault(
    "pool of PgBouncer is used up",
    frozenset(
        {
            "DatabaseConnectionPoolExhausted",
            "PostgresConnectionPoolHigh",
            "PgBouncerClientsWaiting",
            "PgBouncerWaitLong",
        }
    ),
    _pool_used_up,
    WAITING_USERS | {"PostgresTransactionLong"},
)
POOLER_GONE = Fault("PgBouncer is killed", frozenset({"PgBouncerDown"}), _pooler_gone)
