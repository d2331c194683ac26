"""When a scrape must end: a request that joins it may have more time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Deadline:
    """A time of the monotonic clock, which ends what runs under `limit`."""

    def __init__(self, ends_at: float) -> None:
        self._started = time.monotonic()
        self._ends_at = ends_at
        self._limits: set[asyncio.Timeout] = set()

    @property
    def is_over(self) -> bool:
        """Whether it has passed."""
        return self.remaining <= 0

    @property
    def remaining(self) -> float:
        """Seconds until then, at least 0."""
        return max(self._ends_at - time.monotonic(), 0.0)

    @property
    def total(self) -> float:
        """Seconds from the start until then."""
        return self._ends_at - self._started

    def extend(self, ends_at: float) -> None:
        """Move it to `ends_at`, if that is later."""
        if ends_at > self._ends_at:
            self._ends_at = ends_at
            for limit in self._limits:
                limit.reschedule(asyncio.get_running_loop().time() + self.remaining)

    @asynccontextmanager
    async def limit(self) -> AsyncIterator[None]:
        """Raise TimeoutError when it passes."""
        async with asyncio.timeout(self.remaining) as limit:
            self._limits.add(limit)
            try:
                yield
            finally:
                self._limits.discard(limit)
