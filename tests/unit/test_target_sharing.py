"""Requests during a scrape share it, as long as it has time left."""

from __future__ import annotations

import asyncio
import time

import pytest

from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.deadline import Deadline
from pg_migration_exporter.engine.scrape import Scrape
from pg_migration_exporter.engine.target import Target


class Slow(Target):
    """A target whose scrapes last until `end` is set, even after their deadline."""

    def __init__(self) -> None:
        super().__init__(Settings.model_validate({"watch": {"enabled": False}}))
        self.end = asyncio.Event()

    async def _run(self, scrape: Scrape, deadline: Deadline) -> None:  # noqa: ARG002 - the contract
        await self.end.wait()


@pytest.fixture(autouse=True)
def no_least_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scrapes end when their first request does."""
    monkeypatch.setattr("pg_migration_exporter.engine.target._MIN_SCRAPE", 0.0)


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


def test_a_request_that_joins_gives_a_scrape_its_own_time() -> None:
    async def last(deadline: Deadline) -> str:
        try:
            async with deadline.limit():
                await asyncio.sleep(0.3)
        except TimeoutError:
            return "cut"
        return "whole"

    async def ask() -> list[str]:
        short, long = (Deadline(time.monotonic() + 0.1) for _ in range(2))
        tasks = [asyncio.create_task(last(deadline)) for deadline in (short, long)]
        await asyncio.sleep(0)
        long.extend(time.monotonic() + 30)
        long.extend(time.monotonic())
        return await asyncio.gather(*tasks)

    assert asyncio.run(ask()) == ["cut", "whole"]
