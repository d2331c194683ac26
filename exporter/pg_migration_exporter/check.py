"""Check a server before it is scraped: can it be reached, and can every collector run there?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg

from pg_migration_exporter.collectors import Collector
from pg_migration_exporter.config import Settings
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.plan import Plan
from pg_migration_exporter.postgres import capabilities, pooler
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.link import Link, UnreachableError


async def check_server(settings: Settings, collectors: Sequence[Collector]) -> str:
    """A line that says that all is well, and one more if a connection pooler is in between.

    Raises ConfigError with a line for each problem: what, and the grant or step that mends it.
    """
    link = Link(settings.postgres)
    try:
        async with asyncio.timeout(settings.scrape.timeout):
            session = await link.session()
            found = Capabilities.from_rows(await session.query(capabilities.SQL))
    except (UnreachableError, psycopg.Error, TimeoutError) as error:
        raise ConfigError(f"the server cannot be reached: {error}") from error
    finally:
        await link.close()
    plan = Plan.make(collectors, found)
    works = ", ".join(one.name for one in plan.collectors)
    if plan.skipped:
        raise ConfigError("\n".join([*plan.problems(), f"what works: {works}"]))
    summary = f"PostgreSQL {found.version}, {found.role}, role {found.usename}: all works: {works}"
    return f"{summary}\nwarning: {pooler.WARNING}" if session.is_pooled else summary
