"""Shares each status between its viewers: one scrape every two seconds, none without viewers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress

from pg_migration_exporter import __version__
from pg_migration_exporter.collectors.query_duration import QUERY_DURATION
from pg_migration_exporter.engine.scrape import Scrape
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.status.judgement import VERDICTS, Judge
from pg_migration_exporter.status.latency import LatencyHistory
from pg_migration_exporter.status.model import LEVELS, Status, TargetStatus
from pg_migration_exporter.status.samples import Samples
from pg_migration_exporter.status.target_status import describe_target

#: Seconds for which a status is used again, and between two that a viewer gets.
REFRESH_INTERVAL = 2.0
#: Seconds that a viewer waits for a slow server before the latest scrape is shown instead.
_MAX_WAIT = 3.0


class _TargetStatusCache:
    """The latest status of one target."""

    def __init__(self, target: Target, judge: Judge) -> None:
        self.target = target
        self._judge = judge
        self._latency = LatencyHistory()
        self._answered_at: float | None = None
        self._status: TargetStatus | None = None
        self._updated_at = 0.0
        self._updating: asyncio.Task[TargetStatus] | None = None
        self._scraping: asyncio.Task[Scrape] | None = None
        target.listeners.append(self._record)

    async def get(self) -> TargetStatus:
        """Return the latest status, or a new one if it is older than REFRESH_INTERVAL."""
        if self._status is not None and time.monotonic() - self._updated_at < REFRESH_INTERVAL:
            return self._status
        if self._updating is None or self._updating.done():
            self._updating = asyncio.create_task(self._update())
        return await asyncio.shield(self._updating)

    async def _update(self) -> TargetStatus:
        """Scrape with the usual deadline, shared with Prometheus, but wait _MAX_WAIT at most."""
        if self._scraping is None or self._scraping.done():
            timeout = self.target.settings.scrape.timeout
            self._scraping = asyncio.create_task(self.target.scrape(timeout))
        await asyncio.wait([self._scraping], timeout=_MAX_WAIT)
        scrape = self._scraping.result() if self._scraping.done() else self.target.last
        self._updated_at = time.monotonic()
        age = None if self._answered_at is None else self._updated_at - self._answered_at
        judgement = self._judge.judge(self.target, scrape)
        self._status = describe_target(self.target, scrape, age, self._latency, judgement)
        return self._status

    def _record(self, scrape: Scrape) -> None:
        """Record a completed scrape, also one that Prometheus requested."""
        if scrape.reached:
            self._answered_at = time.monotonic()
            samples = Samples([scrape.samples_of(QUERY_DURATION)])
            self._latency.record(samples, self._answered_at)


def _urgency(status: TargetStatus) -> tuple[int, int]:
    verdict = status.verdict
    return -VERDICTS.index(verdict.verdict), LEVELS.index(verdict.level)


class StatusCache:
    """The status of all targets. `targets` is called each time, since a reload changes them."""

    def __init__(self, targets: Callable[[], Sequence[Target]], judge: Judge) -> None:
        self._targets = targets
        self._judge = judge
        self._caches: dict[str, _TargetStatusCache] = {}
        self._latest: dict[str | None, Status] = {}
        self._closed = asyncio.Event()
        for target in targets():
            self._cache_of(target)

    def names(self) -> list[str]:
        """Return the names of the targets."""
        return [target.name for target in self._targets()]

    async def get(self, name: str | None = None) -> Status:
        """Return the status of all targets, or of the one with this name; the worst first.

        Return the same object as before if no target has a new status.
        """
        caches = [
            self._cache_of(target) for target in self._targets() if name in (None, target.name)
        ]
        statuses = await asyncio.gather(*(cache.get() for cache in caches))
        statuses.sort(key=_urgency)
        latest = self._latest.get(name)
        if latest is None or [*map(id, latest.targets)] != [*map(id, statuses)]:
            # Without validation: it would copy the statuses, whose identity is compared above.
            latest = Status.model_construct(version=__version__, time=time.time(), targets=statuses)
            self._latest[name] = latest
        return latest

    async def follow(self, name: str | None = None) -> AsyncIterator[Status]:
        """Yield the status every REFRESH_INTERVAL until `close`, or until the target is gone."""
        while not self._closed.is_set() and (name is None or name in self.names()):
            yield await self.get(name)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), REFRESH_INTERVAL)

    def close(self) -> None:
        """End every `follow`."""
        self._closed.set()

    def _cache_of(self, target: Target) -> _TargetStatusCache:
        cache = self._caches.get(target.name)
        if cache is None or cache.target is not target:
            cache = self._caches[target.name] = _TargetStatusCache(target, self._judge)
        return cache
