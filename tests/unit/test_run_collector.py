"""How a collector is run: its columns or its own code, cached for its `ttl` either way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, cast

from pg_migration_exporter.collectors.cache import CachedResult
from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.run_collector import run_collector
from pg_migration_exporter.engine.run_context import ContextFactory
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows
from pg_migration_exporter.postgres.session import Session
from tests.fixtures.capabilities import PRIMARY

ROWS = Family("rows", "gauge", "Rows.", ("name",))


@dataclass
class Memory:
    """How often the collector ran."""

    runs: int = 0


class OneRow:
    """A session that answers every statement with one row, and counts them."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, tuple[str, ...]]] = []

    async def query(self, sql: str, parameters: tuple[str, ...] = ()) -> Rows:
        self.sent.append((sql, tuple(parameters)))
        return Rows(("name", "rows"), [("a", len(self.sent))])


async def count_runs(context: RunContext[Memory]) -> None:
    context.memory.runs += 1
    context.add(ROWS, context.memory.runs, "own")


def collector(**declared: Any) -> Collector[Any]:
    return Collector(name="rows", help="Rows.", sources=("pg_class",), families=(ROWS,), **declared)


def run_three_times(
    declared: Collector[Any], session: OneRow, server: Capabilities = PRIMARY
) -> list[list[tuple[Any, Any]]]:
    """The samples of three runs, one after the other."""
    settings = Settings()
    memory, cached = declared.memory(settings), CachedResult()
    factory = ContextFactory(settings, emit=lambda _: None)

    async def run() -> list[tuple[Any, Any]]:
        context = factory.make(declared, memory, cast("Session", session), server)
        await run_collector(declared, context, cached)
        return context.families[ROWS.name].samples

    return [asyncio.run(run()) for _ in range(3)]


def test_columns_are_read_without_code() -> None:
    session = OneRow()
    declared = collector(queries=(Query("select"),), parameters=lambda _: ("1",))
    assert run_three_times(declared, session) == [[(("a",), number)] for number in (1, 2, 3)]
    assert session.sent == [("select", ("1",))] * 3


def test_columns_are_cached() -> None:
    session = OneRow()
    declared = collector(queries=(Query("select"),), ttl=1e9)
    assert run_three_times(declared, session) == [[(("a",), 1)]] * 3
    assert len(session.sent) == 1


def test_a_collector_with_a_memory_of_its_own_is_cached() -> None:
    session = OneRow()
    declared = collector(queries=(Query("select"),), ttl=1e9, memory=lambda _: Memory())
    assert run_three_times(declared, session) == [[(("a",), 1)]] * 3


def test_a_collector_with_code_of_its_own_is_cached() -> None:
    declared = collector(queries=(), ttl=1e9, memory=lambda _: Memory(), collect=count_runs)
    assert run_three_times(declared, OneRow()) == [[(("own",), 1)]] * 3


def test_without_a_ttl_a_collector_runs_every_time() -> None:
    declared = collector(queries=(), memory=lambda _: Memory(), collect=count_runs)
    assert run_three_times(declared, OneRow()) == [[(("own",), number)] for number in (1, 2, 3)]
