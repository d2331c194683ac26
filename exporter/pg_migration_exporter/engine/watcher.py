"""The watcher: looks at the databases of a target between scrapes.

Once a second while something happens, every five seconds otherwise; in between, a glance of one
statement notices what begins anywhere on the server. What it looks at, and what it learns, is each
collector's business (`Collector.watch`); this only keeps the rhythm.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from pg_migration_exporter.config.schema import WatchSection
from pg_migration_exporter.engine.database_watcher import DatabaseWatcher


class Watcher:
    """Keeps the rhythm for one target.

    `databases` gives those of its databases now, main first; `make_way` closes the connections to
    databases that somebody drops.
    """

    def __init__(
        self,
        rhythm: WatchSection,
        databases: Callable[[], Sequence[DatabaseWatcher]],
        make_way: Callable[[Sequence[str]], Awaitable[None]],
    ) -> None:
        self._rhythm = rhythm
        self._databases = databases
        self._make_way = make_way

    @property
    def remembers(self) -> bool:
        """False while the state directory cannot be written."""
        return all(one.remembers for one in self._databases())

    @property
    def age(self) -> float | None:
        """Seconds since all databases that were ever seen were looked at; None before the first."""
        ages = [one.age for one in self._databases() if one.age is not None]
        return max(ages, default=None)

    async def run(self) -> None:
        """Look, wait, for ever; cancel to end."""
        while True:
            looks = [one.poll() for one in self._databases()]
            await self._rest(something_happens=any(await asyncio.gather(*looks)))

    async def _rest(self, *, something_happens: bool) -> None:
        until = time.monotonic() + self._rhythm.interval
        is_over = False
        while not is_over:
            await asyncio.sleep(min(self._rhythm.busy_interval, self._rhythm.interval))
            begins, dropped = await self._databases()[0].probe()
            if dropped:
                await self._make_way(dropped)
            is_over = something_happens or begins or time.monotonic() >= until
