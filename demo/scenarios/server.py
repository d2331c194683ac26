"""A fault: the primary is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from demo.scenarios.fault import Fault
from demo.scenarios.replication import await_streaming
from demo.world import World


@contextmanager
def _server_down(world: World) -> Iterator[None]:
    world.primary.kill()
    yield
    world.primary.start()
    await_streaming(world)


SERVER_DOWN = Fault(
    "primary is killed",
    frozenset({"PostgresDown"}),
    _server_down,
    # It may be up for some seconds before the standby connects again. Players wait in PgBouncer.
    frozenset({"PostgresStandbyLost", "PgBouncerClientsWaiting", "PgBouncerWaitLong"}),
)
