"""Faults of standbys, replication slots and the archive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from demo.scenarios.fault import Fault
from demo.world import World
from testbed.waiting import wait_until

_LAGGING = frozenset(
    {
        "PostgresReplicationLagElevated",
        "PostgresReplicationLagSevere",
        "DatabaseReplicationLagHigh",
    }
)


@contextmanager
def _replay_stuck(world: World) -> Iterator[None]:
    """Pause the replay, as a conflicting query on the standby does while it runs."""
    standby = world.standby.database()
    standby.execute("SELECT pg_wal_replay_pause()")
    yield
    standby.execute("SELECT pg_wal_replay_resume()")


@contextmanager
def _standby_gone(world: World) -> Iterator[None]:
    world.standby.stop()
    yield
    world.standby.start()
    await_streaming(world)


def await_streaming(world: World) -> None:
    """Wait until the standby streams from the primary."""
    connected = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
    wait_until(lambda: world.database.value(connected), 30, "the standby streams again")


@contextmanager
def _setting(world: World, name: str, value: str) -> Iterator[None]:
    """Change a setting of the primary while the body runs."""
    world.database.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    world.database.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        world.database.execute(f"ALTER SYSTEM RESET {name}", options="-csynchronous_commit=local")
        world.database.execute("SELECT pg_reload_conf()")


@contextmanager
def _synchronous_missing(world: World) -> Iterator[None]:
    """Let commits wait for a standby that does not exist."""
    with _setting(world, "synchronous_standby_names", "nowhere"):
        yield


@contextmanager
def _archive_fails(world: World) -> Iterator[None]:
    with _setting(world, "archive_command", "/bin/false"):
        world.database.execute("SELECT pg_switch_wal()")
        yield


@contextmanager
def _forgotten_slot(world: World) -> Iterator[None]:
    """Write WAL that nobody reads from a slot."""
    world.database.execute("SELECT pg_create_physical_replication_slot('forgotten', true)")
    for _ in range(4):
        world.database.execute("SELECT pg_logical_emit_message(false, '', repeat('x', 12000000))")
    yield
    world.database.execute("SELECT pg_drop_replication_slot('forgotten')")


@contextmanager
def _slot_overtaken(world: World) -> Iterator[None]:
    """Limit the WAL that the server keeps for the slot to less than it needs."""
    with _setting(world, "max_slot_wal_keep_size", "1MB"), _forgotten_slot(world):
        world.database.execute("SELECT pg_switch_wal()")
        world.database.execute("CHECKPOINT")
        yield


@contextmanager
def _slot_lost(world: World) -> Iterator[None]:
    """Remove the WAL that the slot needs."""
    with _slot_overtaken(world):
        for _ in range(2):
            world.database.execute("SELECT pg_switch_wal()")
            world.database.execute("CHECKPOINT")
        yield


REPLAY_STUCK = Fault("standby is stuck", _LAGGING, _replay_stuck)
STANDBY_GONE = Fault(
    "standby is stopped", frozenset({"PostgresStandbyLost"}), _standby_gone, _LAGGING
)
SYNCHRONOUS_MISSING = Fault(
    "synchronous standby is missing",
    frozenset({"PostgresSynchronousStandbyMissing"}),
    _synchronous_missing,
    frozenset({"DatabaseQueryLatencyHigh", "PostgresTransactionLong"}),
)
ARCHIVE_FAILS = Fault(
    "archiving fails",
    frozenset({"PostgresArchiverFailing", "PostgresArchiveBehind", "MigrationPrecheckFailed"}),
    _archive_fails,
)
SLOT_FORGOTTEN = Fault(
    "replication slot is forgotten",
    frozenset({"PostgresReplicationSlotRetaining"}),
    _forgotten_slot,
    _LAGGING,
)
SLOT_OVERTAKEN = Fault(
    "replication slot loses its WAL",
    frozenset({"PostgresReplicationSlotAtRisk"}),
    _slot_overtaken,
    _LAGGING | {"PostgresReplicationSlotInvalid", "PostgresReplicationSlotRetaining"},
)
SLOT_LOST = Fault(
    "replication slot is lost",
    frozenset({"PostgresReplicationSlotInvalid"}),
    _slot_lost,
    _LAGGING | {"PostgresReplicationSlotAtRisk", "PostgresReplicationSlotRetaining"},
)
