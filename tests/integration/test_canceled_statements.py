"""What a request to cancel an earlier scrape's statements hits of a later one is asked again."""

from __future__ import annotations

import asyncio

import pytest
from psycopg import errors

from pg_migration_exporter.postgres.session import Session
from testbed.database import Database
from tests.fixtures.sessions import session_of

_RUNNING = """
SELECT count(*) FROM pg_stat_activity
 WHERE query ~ '^select pg_sleep' AND state = 'active' AND pid = %s
"""


async def ask(session: Session, database: Database, seconds: float) -> asyncio.Task[object]:
    """A statement that runs."""
    [(pid,)] = (await session.query("select pg_backend_pid()")).rows
    asked: asyncio.Task[object] = asyncio.create_task(
        session.query(f"select pg_sleep({seconds}) is null")
    )
    while not await asyncio.to_thread(database.value, _RUNNING, [pid]):
        assert not asked.done()
    return asked


def test_what_our_own_request_hits_is_asked_again(database: Database) -> None:
    async def scenario() -> None:
        session = await session_of(database)
        for _ in range(5):
            asked = await ask(session, database, 0.3)
            await session.cancel(0.05)
            await asked
        await session.close()

    asyncio.run(scenario())


def test_what_an_administrator_cancels_fails(database: Database) -> None:
    async def scenario() -> None:
        session = await session_of(database)
        [(pid,)] = (await session.query("select pg_backend_pid()")).rows
        asked = await ask(session, database, 60)
        await asyncio.to_thread(database.execute, "SELECT pg_cancel_backend(%s)", [pid])
        with pytest.raises(errors.QueryCanceled):
            await asked
        await session.close()

    asyncio.run(scenario())
