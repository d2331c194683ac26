"""The watcher: reads the databases of a target between scrapes.

It polls them once a second while something is in progress, every five seconds otherwise. In
between, a probe of one statement notices what begins anywhere on the server. What is read is up to
each collector (`Collector.watch`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from pg_migration_exporter.config.schema import WatchSection
from pg_migration_exporter.engine.database_watcher import DatabaseWatcher

log = logging.getLogger(__name__)


class Watcher:
    """Polls the databases of one target.

    `databases` returns their watchers, the main one first; `disconnect` closes the connections to
    databases that are being dropped; `polled` is called after each poll of all of them.
    """

    def __init__(
        self,
        settings: WatchSection,
        databases: Callable[[], Sequence[DatabaseWatcher]],
        disconnect: Callable[[Sequence[str]], Awaitable[None]],
        polled: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._databases = databases
        self._disconnect = disconnect
        self._polled = polled

    @property
    def is_stored(self) -> bool:
        """False while the state directory cannot be written."""
        return all(database.is_stored for database in self._databases())

    @property
    def age(self) -> float | None:
        """Seconds since the oldest latest poll of a database; None before the first."""
        ages = [database.age for database in self._databases() if database.age is not None]
        return max(ages, default=None)

    async def run(self) -> None:
        """Poll and wait, until canceled."""
        while True:
            try:
                polls = [database.poll() for database in self._databases()]
                is_busy = any(await asyncio.gather(*polls))
                self._polled()
                await self._wait(is_busy=is_busy)
            except Exception:  # a bug: the age of the latest poll shows it
                log.exception("the watcher failed; it polls again in %g s", self._settings.interval)
                await asyncio.sleep(self._settings.interval)

    async def _wait(self, *, is_busy: bool) -> None:
        """Wait for the next poll; probe meanwhile."""
        until = time.monotonic() + self._settings.interval
        pause = min(self._settings.busy_interval, self._settings.interval)
        is_due = False
        while not is_due:
            await asyncio.sleep(pause)
            main, *others = self._databases()
            samples = asyncio.gather(*(database.sample() for database in others))
            probe, due = await asyncio.gather(main.probe(), samples)
            if probe.dropped:
                await self._disconnect(probe.dropped)
            is_due = is_busy or probe.is_busy or any(due) or time.monotonic() >= until
