"""The size of the measurement; times in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """The size of the fleet, how long it is watched, and the sizes of databases on the curves."""

    targets: int = 100
    #: What stands for as many servers: what is the same in every database of a server is read for
    #: each target, and grows with the databases of its server.
    servers: int = 10
    #: Prometheus's usual scrape_interval.
    interval: int = 15
    #: How long Prometheus scrapes after every target was up once: as many whole intervals.
    intervals: int = 6
    tables: tuple[int, ...] = (10, 100, 1_000, 10_000)
    statements: tuple[int, ...] = (100, 1_000, 10_000)
    #: The quantity that stays constant while the other grows.
    few: int = 100
    #: Scrapes of each database on a curve, after the first one.
    scrapes: int = 40
    deadline: float = 10.0
