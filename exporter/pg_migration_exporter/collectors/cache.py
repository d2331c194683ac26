"""The latest result of a collector, repeated while its `ttl` lasts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from math import floor

from pg_migration_exporter.config.limits import Bounds
from pg_migration_exporter.metrics.families import FamilySamples
from pg_migration_exporter.postgres.capabilities import Capabilities


@dataclass(slots=True)
class CachedResult:
    """The latest families, the server that they came from, and when (`clock`).

    `bounds` note what was left out of them.
    """

    families: dict[str, FamilySamples] = field(default_factory=dict)
    server: Capabilities | None = None
    at: float = 0.0
    bounds: Bounds = field(default_factory=Bounds)
    clock: Callable[[], float] = time.monotonic

    def is_fresh(self, ttl: float, server: Capabilities, collector: str) -> bool:
        """Return whether it came from this server and the current period of `ttl` seconds.

        Periods begin at a different moment for each collector and database. Otherwise everything
        expensive would run in the same scrape, since the first scrape runs all of it.
        """
        phase = _phase(collector) + _phase(server.datname)
        stored, now = (moment / ttl + phase for moment in (self.at, self.clock()))
        return self.server == server and floor(stored) == floor(now)

    def store(
        self, families: dict[str, FamilySamples], server: Capabilities, bounds: Bounds
    ) -> None:
        """Replace the result."""
        self.families, self.server, self.at = families, server, self.clock()
        self.bounds = bounds


@cache
def _phase(name: str) -> float:
    """Return a number from 0 to 1 for a name, always the same."""
    return int.from_bytes(sha256(name.encode("utf-8", "surrogateescape")).digest()[:4]) / 2**32
