"""A fault: an application that leaks connections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from demo.scenarios.fault import Fault
from demo.world import World

_USABLE = (
    "SELECT current_setting('max_connections')::int"
    " - current_setting('superuser_reserved_connections')::int"
)
_USED = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"


@contextmanager
def _pool_exhausted(world: World) -> Iterator[None]:
    """Use all connections except those reserved for superusers."""
    usable = world.database.value(_USABLE)
    with ExitStack() as leaked:
        while world.database.value(_USED) < usable:
            leaked.enter_context(world.database.connect(application_name="leaking-service"))
        yield


POOL_EXHAUSTED = Fault(
    "connections leak",
    frozenset({"DatabaseConnectionPoolExhausted", "PostgresConnectionPoolHigh"}),
    _pool_exhausted,
)
