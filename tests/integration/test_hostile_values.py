"""Any value of the right type in any column of any collector: no value costs the page.

The statements are those that the collectors send, the columns and their types those that a real
server describes. Only the rows are made up.
"""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from pg_migration_exporter.collectors import COLLECTORS, Collector
from pg_migration_exporter.collectors.cache import CachedResult
from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.failures import FailureLog
from pg_migration_exporter.engine.run_collector import run_collector
from pg_migration_exporter.engine.run_context import ContextFactory
from pg_migration_exporter.metrics.exposition import OPENMETRICS, PROMETHEUS, Renderer
from pg_migration_exporter.metrics.families import FamilySamples
from pg_migration_exporter.postgres import capabilities
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.rows import KEEP_ANY_BYTES, Rows
from pg_migration_exporter.postgres.session import Session
from pg_migration_exporter.postgres.statement import Statement
from testbed.database import Database
from testbed.postgres import Server
from tests.fixtures.sessions import session_of
from tests.integration.test_limits import HISTORY

_MOST_ROWS = 4
Columns = Mapping[str, Sequence[tuple[str, int]]]


def _text(chance: random.Random) -> str:
    raw = chance.choice(
        [b"", b"public", b"a\nb", b'"}\\', b"\xff\xfe", "ä€𝄞".encode(), b"x" * 5000]
    )
    return (raw + chance.choice(string.printable).encode()).decode("utf-8", KEEP_ANY_BYTES)


def _number(chance: random.Random) -> float:
    return chance.choice([0.0, -1.5, 1e308, 5e-324, float("nan"), float("inf"), -float("inf")])


def _integer(bits: int) -> Callable[[random.Random], int]:
    most = 2 ** (bits - 1) - 1
    return lambda chance: chance.choice([0, 1, -1, most, -most - 1, chance.randrange(most)])


def _time(chance: random.Random) -> datetime:
    return datetime.fromtimestamp(chance.choice([0, 1, 2**31, 250_000_000_000]), UTC)


def _many(one: Callable[[random.Random], Any]) -> Callable[[random.Random], list[Any]]:
    return lambda chance: [one(chance) for _ in range(chance.randrange(4))]


#: Values by the oid of their type (src/include/catalog/pg_type.dat).
_VALUES: dict[int, Callable[[random.Random], Any]] = {
    16: lambda chance: chance.random() < 0.5,
    18: _text, 19: _text, 25: _text, 1043: _text,
    20: _integer(64), 21: _integer(16), 23: _integer(32), 26: _integer(32),
    700: _number, 701: _number,
    1184: _time,
    1002: _many(_text), 1003: _many(_text), 1009: _many(_text),
    1005: _many(_integer(16)), 1007: _many(_integer(32)), 1016: _many(_integer(64)),
    1022: _many(_number),
}  # fmt: skip


class DescribedSession:
    """Sends statements to a real server, and notes the columns of each."""

    def __init__(self, session: Session, database: Database) -> None:
        self._session, self._database = session, database
        self.columns: dict[str, list[tuple[str, int]]] = {}

    async def query(
        self, sql: str, parameters: Sequence[str] = (), limit: int | None = None
    ) -> Rows:
        self._describe(sql)
        return await self._session.query(sql, parameters, limit)

    async def query_in_transaction(self, *statements: Statement) -> Rows:
        self._describe(statements[-1].sql)
        return await self._session.query_in_transaction(*statements)

    def _describe(self, sql: str) -> None:
        if sql in self.columns:
            return
        with self._database.connect() as connection:
            connection.pgconn.prepare(b"described", sql.encode())
            described = connection.pgconn.describe_prepared(b"described")
            self.columns[sql] = [
                ((described.fname(number) or b"").decode(), described.ftype(number))
                for number in range(described.nfields)
            ]


class ArbitrarySession:
    """Answers each statement with rows of arbitrary values."""

    def __init__(self, columns: Columns, chance: random.Random) -> None:
        self._columns, self._chance = columns, chance

    async def query(self, sql: str, *_: object) -> Rows:
        columns = self._columns.get(sql, [("unknown", 25)])
        names = tuple(name for name, _ in columns)
        rows = [self._row(columns) for _ in range(self._chance.randrange(_MOST_ROWS + 1))]
        return Rows(names, rows)

    async def query_in_transaction(self, *statements: Statement) -> Rows:
        return await self.query(statements[-1].sql)

    def _row(self, columns: Sequence[tuple[str, int]]) -> tuple[Any, ...]:
        return tuple(
            # What was left out is counted, so never null.
            None
            if self._chance.random() < 0.1 and not name.startswith("more_")
            else _VALUES[type_](self._chance)
            for name, type_ in columns
        )


async def collect(
    collector: Collector[Any], session: Any, server: Capabilities, failures: FailureLog
) -> list[FamilySamples]:
    """Run a collector twice, as two scrapes do; the families of the second one."""
    configured = Settings()
    memory = collector.memory(configured)
    contexts = ContextFactory(configured, failures=failures)
    for _ in range(2):
        context = contexts.make(collector, memory, cast("Session", session), server)
        with failures.isolate(collector.name) as outcome:
            await run_collector(collector, context, CachedResult())
    return [*context.families.values()] if outcome.succeeded else []


@pytest.fixture(scope="module")
def described(server: Server) -> Iterator[tuple[Capabilities, Columns]]:
    """What the collectors ask a server, and of which columns its answers are."""
    database = server.create_database("described")
    database.execute(HISTORY.format(""))
    yield asyncio.run(_describe(database))
    server.drop_database(database.name)


async def _describe(database: Database) -> tuple[Capabilities, Columns]:
    session = await session_of(database)
    seen = DescribedSession(session, database)
    known = Capabilities.from_rows(await session.query(capabilities.SQL))
    for collector in COLLECTORS:
        await collect(collector, seen, known, FailureLog())
    await session.close()
    return known, seen.columns


@pytest.mark.parametrize("collector", COLLECTORS, ids=lambda collector: collector.name)
def test_no_value_costs_the_page(
    collector: Collector[Any], described: tuple[Capabilities, Columns]
) -> None:
    server, columns = described
    samples = list[int]()

    @settings(max_examples=15, database=None, derandomize=True)
    @given(st.integers(0, 2**32))
    def attempt(seed: int) -> None:
        session = ArbitrarySession(columns, random.Random(seed))
        families = asyncio.run(collect(collector, session, server, FailureLog()))
        renderer = Renderer()
        samples.append(sum(len(family.samples) for family in families))
        for form in (PROMETHEUS, OPENMETRICS):
            renderer.render(families, form).encode()
        parsed = text_string_to_metric_families(renderer.render(families, PROMETHEUS))
        assert {family.name for family in parsed} <= {
            item.family.name.removesuffix("_total") for item in families
        }

    attempt()
    runs = collector.obstacle(server) is None and any(
        query.runs_on(server) for query in collector.queries
    )
    if runs and collector.collect is None:
        assert sum(samples) > 0, "nothing was tried"
