"""Faults of what the server has room for, and of what was switched off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from demo.scenarios.fault import Fault
from demo.world import World

#: Of 4096: 64 for each of 62 backends, auxiliary ones included, and of 2 prepared transactions.
_LOCKS = 3300


@contextmanager
def _locks_used_up(world: World) -> Iterator[None]:
    """Hold most of the locks that the lock table has room for, as a dump of many tables does."""
    with closing(world.database.connect()) as session:
        session.execute("SELECT pg_advisory_lock(n) FROM generate_series(1, %s) n", [_LOCKS])
        yield


@contextmanager
def _subscription_off(world: World) -> Iterator[None]:
    """Create a subscription that does not run."""
    world.database.execute(
        "CREATE SUBSCRIPTION forgotten CONNECTION 'dbname=nowhere' PUBLICATION nothing"
        " WITH (connect = false, slot_name = NONE)"
    )
    yield
    world.database.execute("DROP SUBSCRIPTION forgotten")


LOCKS_USED_UP = Fault(
    "lock table is nearly full", frozenset({"PostgresLockTableNearlyFull"}), _locks_used_up
)
SUBSCRIPTION_OFF = Fault(
    "subscription is disabled", frozenset({"PostgresSubscriptionStopped"}), _subscription_off
)
