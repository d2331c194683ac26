"""Who looks at the status shares its cost: one scrape every two seconds, none without viewers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress

from pg_migration_exporter import __version__
from pg_migration_exporter.collectors.query_duration import QUERY_DURATION
from pg_migration_exporter.engine.scrape import Scrape
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.status.latency import LatencyCourse
from pg_migration_exporter.status.model import LEVELS, Status, TargetStatus
from pg_migration_exporter.status.samples import Samples
from pg_migration_exporter.status.target_status import describe_target

#: Seconds between two looks, and how long a viewer waits for a server that is slow to answer.
INTERVAL, _PATIENCE = 2.0, 3.0


class _TargetStatusCache:
    """One target and the latest look at it."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._course = LatencyCourse()
        self._answered_at: float | None = None
        self._status: TargetStatus | None = None
        self._looked_at = 0.0
        self._looking: asyncio.Task[TargetStatus] | None = None
        self._scraping: asyncio.Task[Scrape] | None = None
        target.listeners.append(self._hear)

    async def look(self) -> TargetStatus:
        """What was known less than `INTERVAL` ago, or else what another look tells, shared."""
        if self._status is not None and time.monotonic() - self._looked_at < INTERVAL:
            return self._status
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(self._looking)

    async def _look(self) -> TargetStatus:
        """Scrape with the usual deadline, which Prometheus may share, but do not wait for long."""
        if self._scraping is None or self._scraping.done():
            timeout = self.target.settings.scrape.timeout
            self._scraping = asyncio.create_task(self.target.scrape(timeout))
        await asyncio.wait([self._scraping], timeout=_PATIENCE)
        scrape = self._scraping.result() if self._scraping.done() else self.target.last
        self._looked_at = time.monotonic()
        age = None if self._answered_at is None else self._looked_at - self._answered_at
        self._status = describe_target(self.target, scrape, age, self._course)
        return self._status

    def _hear(self, scrape: Scrape) -> None:
        """Note a scrape that has ended, whoever asked for it."""
        if scrape.reached:
            self._answered_at = time.monotonic()
            self._course.see(Samples([scrape.samples_of(QUERY_DURATION)]), self._answered_at)


class StatusCache:
    """The status of all targets. `targets` is asked again at every look: they may change."""

    def __init__(self, targets: Callable[[], Sequence[Target]]) -> None:
        self._targets = targets
        self._seats: dict[str, _TargetStatusCache] = {}
        self._latest: dict[str | None, Status] = {}
        self._closed = asyncio.Event()
        for target in targets():
            self._seat(target)

    def names(self) -> list[str]:
        """The names of the targets."""
        return [target.name for target in self._targets()]

    async def look(self, name: str | None = None) -> Status:
        """All targets, or the one of this name; the worst first.

        The same object again where nothing was looked at meanwhile.
        """
        seats = [self._seat(one) for one in self._targets() if name in (None, one.name)]
        found = await asyncio.gather(*(seat.look() for seat in seats))
        found.sort(key=lambda one: LEVELS.index(one.verdict.level))
        latest = self._latest.get(name)
        if latest is None or [*map(id, latest.targets)] != [*map(id, found)]:
            # Built, not validated: its parts have been, and must stay the same objects.
            latest = Status.model_construct(version=__version__, time=time.time(), targets=found)
            self._latest[name] = latest
        return latest

    async def follow(self, name: str | None = None) -> AsyncIterator[Status]:
        """Look again and again, until the board is closed or the target is gone."""
        while not self._closed.is_set() and (name is None or name in self.names()):
            yield await self.look(name)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), INTERVAL)

    def close(self) -> None:
        """Let everybody go who follows."""
        self._closed.set()

    def _seat(self, target: Target) -> _TargetStatusCache:
        known = self._seats.get(target.name)
        if known is None or known.target is not target:
            known = self._seats[target.name] = _TargetStatusCache(target)
        return known
