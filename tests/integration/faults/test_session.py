"""What a connection does with requests to cancel that a hanging server answers late."""

from __future__ import annotations

import asyncio
import contextlib

from pydantic import SecretStr

from pg_migration_exporter.config.schema import PostgresSection
from pg_migration_exporter.postgres.pooler import open_session
from testbed.database import Database
from testbed.postgres import Server
from testbed.workspace import Workspace

_REQUESTS = 4


def test_late_cancels(workspace: Workspace) -> None:
    """A frozen server takes requests to cancel and acts on them when it is back: too late."""
    with Server(workspace, "cancels", {}) as server:
        assert asyncio.run(_values_after_freeze(server, server.database())) == list(range(20))


async def _values_after_freeze(server: Server, database: Database) -> list[int]:
    plain = database.conninfo(sslmode="disable", gssencmode="disable")
    settings = PostgresSection(dsn=SecretStr(plain), allow_superuser=True)
    session = await open_session(settings, plain)
    await session.query("SELECT 1")
    server.freeze()
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(session.query("SELECT 2"), 0.1)
        for _ in range(_REQUESTS):
            await session.cancel(0.2)
    finally:
        server.thaw()
    answers = [await session.query(f"SELECT {number}, pg_sleep(0.02)") for number in range(20)]
    await session.close()
    return [answer.rows[0][0] for answer in answers]
