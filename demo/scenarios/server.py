"""Faults of the primary: killed, or in a crash loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from demo.scenarios.fault import Fault
from demo.scenarios.migration import changeset_fails
from demo.scenarios.replication import await_streaming
from demo.world import World
from testbed.waiting import wait_until

_CRASHES = 3
_FAILED = "DatabaseMigrationFailed"
_STARTED = "SELECT extract(epoch FROM pg_postmaster_start_time())"


@contextmanager
def _server_down(world: World) -> Iterator[None]:
    world.primary.kill()
    yield
    world.primary.start()
    await_streaming(world)


@contextmanager
def _down_after_failure(world: World) -> Iterator[None]:
    """Kill the primary when a migration has failed: that it cannot be read repairs nothing."""
    with changeset_fails(world):
        wait_until(lambda: _FAILED in world.prometheus.firing(), 30, "the failure is told")
        with _server_down(world):
            yield


@contextmanager
def _crashes(world: World) -> Iterator[None]:
    """Let the primary crash several times; await a scrape after each start but the last."""
    for _ in range(_CRASHES - 1):
        world.primary.kill()
        world.primary.start()
        started = world.database.value(_STARTED)
        seen = f"postgres_start_time_seconds > {float(started) - 0.01}"
        wait_until(partial(world.prometheus.query, seen), 30, "Prometheus has seen it start")
    world.primary.kill()
    world.primary.process.start(world.primary.command())
    yield
    wait_until(world.primary.is_ready, 30, "the primary is up")
    await_streaming(world)


#: The primary may be up for some seconds before the standby connects again. Players wait in
#: PgBouncer.
_OUTAGE = frozenset({"PostgresStandbyLost", "PgBouncerClientsWaiting", "PgBouncerWaitLong"})
SERVER_DOWN = Fault("primary is killed", frozenset({"PostgresDown"}), _server_down, _OUTAGE)
DOWN_AFTER_FAILURE = Fault(
    "primary is killed after a failure",
    frozenset({"PostgresDown", "MigrationFailureUnresolved"}),
    _down_after_failure,
    _OUTAGE | {_FAILED},
)
CRASHES = Fault(
    "primary crashes repeatedly",
    frozenset({"PostgresUnstable"}),
    _crashes,
    _OUTAGE | {"PostgresDown", "PgBouncerDown"},
)
