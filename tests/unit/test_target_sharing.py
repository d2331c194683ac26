"""Requests during a scrape share it, as long as it has time left."""

from __future__ import annotations

import asyncio

import pytest

from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.scrape import Scrape
from pg_migration_exporter.engine.target import Target


class Slow(Target):
    """A target whose scrapes last until `end` is set, even after their deadline."""

    def __init__(self) -> None:
        super().__init__(Settings.model_validate({"watch": {"enabled": False}}))
        self.end = asyncio.Event()

    async def _run(self, scrape: Scrape, timeout: float) -> None:  # noqa: ARG002 - the contract
        await self.end.wait()


@pytest.mark.parametrize(("first_timeout", "is_shared"), [(30.0, True), (0.0, False)])
def test_only_a_scrape_with_time_left_is_joined(first_timeout: float, is_shared: bool) -> None:
    """One whose time is over only cleans up: it gets no more results."""

    async def ask() -> list[Scrape]:
        target = Slow()
        first = asyncio.create_task(target.scrape(first_timeout))
        await asyncio.sleep(0)
        if not is_shared:
            await first
        second = asyncio.create_task(target.scrape(30.0))
        await asyncio.sleep(0)
        target.end.set()
        return [await first, await second]

    first, second = asyncio.run(ask())
    assert (first is second) == is_shared
