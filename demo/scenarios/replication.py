"""A standby that receives and no longer replays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from demo.scenarios.fault import Fault
from demo.world import World


@contextmanager
def _replay_stuck(world: World) -> Iterator[None]:
    """Pause the replay: what a conflicting query on the standby does for as long as it runs."""
    standby = world.standby.database()
    standby.execute("SELECT pg_wal_replay_pause()")
    yield
    standby.execute("SELECT pg_wal_replay_resume()")


REPLAY_STUCK = Fault("standby is stuck", frozenset({"DatabaseReplicationLagHigh"}), _replay_stuck)
