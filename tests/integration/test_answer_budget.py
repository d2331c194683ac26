"""An answer that is too large costs its statement, or its connection, and little memory."""

from __future__ import annotations

import asyncio
import resource

import psycopg
import pytest
from pydantic import SecretStr

from pg_migration_exporter.config.schema import PostgresSection
from pg_migration_exporter.postgres.budget import MAX_BYTES, MAX_ROWS, AnswerTooLargeError
from pg_migration_exporter.postgres.conninfo import build_conninfo
from pg_migration_exporter.postgres.pooler import open_session
from pg_migration_exporter.postgres.session import SessionLostError
from testbed.database import Database
from tests.fixtures.flooding_server import NOTICES, PARAMETERS, ROWS, flooding_server
from tests.fixtures.sessions import session_of

_FLOOD_OF_NOTICES = """
CREATE FUNCTION flood() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  FOR number IN 1..1000000 LOOP RAISE NOTICE '%', repeat('n', 10000); END LOOP;
  RETURN 1;
END $$
"""
_LONG_ERROR = """
CREATE FUNCTION flood() RETURNS int LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '%', repeat('e', 40000000); END $$
"""


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize(
    "statement",
    [
        "select repeat('x', 1000) from (select generate_series(1, 100000000)) as numbers",
        "select generate_series(1, 100000000) as number",
        "select repeat('x', 40000000) as value from generate_series(1, 10)",
    ],
)
def test_only_the_statement_fails(database: Database, statement: str) -> None:
    async def scenario() -> None:
        session = await session_of(database)
        asked = [session.query(sql) for sql in ("select 1", statement, "select 2")]
        before, too_large, after = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(too_large, AnswerTooLargeError)
        assert not isinstance(before, BaseException)
        assert before.rows == [(1,)]
        # A single value as large as that cannot be stopped in its middle.
        assert isinstance(after, SessionLostError) or after.rows == [(2,)]  # type: ignore[union-attr]
        await session.close()

    before = peak_bytes()
    asyncio.run(scenario())
    assert peak_bytes() - before < 12 * MAX_BYTES


@pytest.mark.parametrize("function", [_FLOOD_OF_NOTICES, _LONG_ERROR])
def test_messages_count_too(database: Database, function: str) -> None:
    async def scenario() -> None:
        database.execute(function)
        session = await session_of(database)
        # The error of the server, if it arrived in whole before the next check.
        with pytest.raises((AnswerTooLargeError, psycopg.Error)):
            await session.query("select public.flood()")
        await session.close()

    before = peak_bytes()
    asyncio.run(scenario())
    assert peak_bytes() - before < 12 * MAX_BYTES


def test_rows_beyond_a_limit_are_counted(database: Database) -> None:
    async def scenario() -> None:
        session = await session_of(database)
        many = f"select generate_series(1, {MAX_ROWS + 1})"
        rows = await session.query(many, limit=2)
        assert (rows.rows, rows.more) == ([(1,), (2,)], MAX_ROWS - 1)
        with pytest.raises(AnswerTooLargeError, match=str(MAX_ROWS + 1)):
            await session.query(many)
        assert session.is_open
        await session.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "flood", [ROWS, NOTICES, PARAMETERS], ids=["rows", "notices", "parameters"]
)
def test_a_server_that_sends_without_end_is_left(flood: bytes) -> None:
    async def scenario() -> None:
        async with flooding_server(flood) as (server, port):
            dsn = SecretStr(f"host=127.0.0.1 port={port} user=u dbname=d sslmode=disable")
            settings = PostgresSection(dsn=dsn)
            session = await open_session(settings, await build_conninfo(settings))
            with pytest.raises(AnswerTooLargeError):
                await session.query("select 1")
            assert not session.is_open
            assert server.sent < 12 * MAX_BYTES

    asyncio.run(scenario())
