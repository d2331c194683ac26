"""The size of the measurement."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """The size of the server, and how often each contender is scraped; times in seconds."""

    tables: int = 200
    sessions: int = 50
    warm_up: int = 20
    rounds: int = 5
    #: Of each contender in each round.
    scrapes: int = 60
    #: How long the contenders are watched while nobody scrapes them.
    rest: float = 10.0
    #: Of each contender while a table is locked.
    scrapes_under_lock: int = 3
    #: Prometheus's default `scrape_timeout`.
    deadline: float = 10.0
