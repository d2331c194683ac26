"""The faults that can happen to the world of the demo, as data: cause, alerts, cure."""

from __future__ import annotations

from demo.scenarios.connections import POOL_EXHAUSTED
from demo.scenarios.fault import Fault
from demo.scenarios.indexes import INDEX_BUILD_WAITS
from demo.scenarios.migration import CHANGESET_FAILS
from demo.scenarios.queries import QUERIES_SLOW
from demo.scenarios.replication import REPLAY_STUCK
from demo.scenarios.server import SERVER_DOWN

#: Every fault, in the order in which a demonstration makes them happen.
FAULTS: tuple[Fault, ...] = (
    CHANGESET_FAILS,
    INDEX_BUILD_WAITS,
    REPLAY_STUCK,
    QUERIES_SLOW,
    POOL_EXHAUSTED,
    SERVER_DOWN,
)

__all__ = ["CHANGESET_FAILS", "FAULTS", "Fault"]
