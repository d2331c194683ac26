"""Check the targets before they are scraped: can each be reached, can every collector run there,
do the statements of custom metrics and checks give what they must?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg

from pg_migration_exporter.collectors import Collector
from pg_migration_exporter.collectors.cache import CachedResult
from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.targets import settings_by_target
from pg_migration_exporter.engine.plan import Plan, select_collectors
from pg_migration_exporter.engine.run_collector import run_collector
from pg_migration_exporter.engine.run_context import ContextFactory
from pg_migration_exporter.engine.target import (
    database_problems,
    in_database,
    place_of,
    watched_databases,
)
from pg_migration_exporter.errors import ConfigError, UnfitAnswerError
from pg_migration_exporter.postgres import capabilities, pooler, preload
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.persistent_connection import (
    PersistentConnection,
    UnreachableError,
)
from pg_migration_exporter.postgres.session import Session

#: Targets that are asked at the same time.
_AT_ONCE = 10


async def check_targets(settings: Settings) -> str:
    """A line for each target that says that all is well.

    Raises ConfigError with a line for each problem: what, and the grant or step that mends it.
    """
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def check(name: str, one: Settings) -> str:
        place = place_of(name)
        try:
            async with at_once:
                return _lines(place, await _check_target(one))
        except ConfigError as error:
            raise ConfigError(_lines(place, str(error))) from error

    checks = [check(name, one) for name, one in settings_by_target(settings).items()]
    found = await asyncio.gather(*checks, return_exceptions=True)
    problems = [one for one in found if isinstance(one, BaseException)]
    for problem in problems:
        if not isinstance(problem, ConfigError):
            raise problem
    if problems:
        raise ConfigError("\n".join(map(str, problems)))
    return "\n".join(map(str, found))


async def _check_target(settings: Settings) -> str:
    collectors = select_collectors(settings)
    known, works, problems, warnings = await _check_database(settings, collectors)
    others, missing, left_out = watched_databases(known, settings.databases)
    if complaint := database_problems(missing, left_out):
        problems.append(f"databases: {complaint}")
    for other in others:
        problems += await _check_other_database(settings, collectors, other)
    if problems:
        raise ConfigError("\n".join([*problems, f"what works: {works}", *warnings]))
    server = f"PostgreSQL {known.version}, {known.role}, role {known.usename}"
    return "\n".join([f"{server}: all works: {works}", *warnings])


def _lines(place: str, text: str) -> str:
    return "\n".join(f"{place}{line}" for line in text.splitlines())


async def _check_other_database(
    settings: Settings, collectors: Sequence[Collector[Any]], name: str
) -> list[str]:
    """A line for each problem in another database of the target's server."""
    try:
        problems = (await _check_database(*in_database(settings, collectors, name)))[2]
    except ConfigError as error:
        problems = [str(error)]
    return [_lines(f"database {name}: ", one) for one in problems]


async def _check_database(
    settings: Settings, collectors: Sequence[Collector[Any]]
) -> tuple[Capabilities, str, list[str], list[str]]:
    """What was found, the names of what works, what does not, and what is not as it should be."""
    connection = PersistentConnection(settings.postgres)
    try:
        async with asyncio.timeout(settings.scrape.timeout):
            session = await connection.session()
            found = Capabilities.from_rows(await session.query(capabilities.SQL))
            plan = Plan.make(collectors, found)
            problems = plan.problems() + await _try(session, plan, settings)
            warnings = await _warnings(session)
    except (UnreachableError, psycopg.Error, TimeoutError) as error:
        reason = str(error) or f"no answer in {settings.scrape.timeout:g} s"
        raise ConfigError(f"the server cannot be reached: {reason}") from error
    finally:
        await connection.close()
    works = ", ".join(one.name for one in plan.collectors)
    return found, works, problems, warnings


async def _warnings(session: Session) -> list[str]:
    """A line for each thing that works, but not as well as it could."""
    found = [pooler.WARNING] if session.is_pooled else []
    settings = await session.query(preload.SQL)
    found += filter(None, (preload.warning(libraries) for (libraries,) in settings.rows))
    return [f"warning: {one}" for one in found]


async def _try(session: Session, plan: Plan, settings: Settings) -> list[str]:
    """Run the user's statements once; a line for each that fails."""
    assert plan.capabilities is not None
    problems = []
    for one in plan.collectors:
        if one.last:
            memory = one.memory(settings)
            context = ContextFactory(settings).make(one, memory, session, plan.capabilities)
            try:
                await run_collector(one, context, CachedResult())
            except (psycopg.Error, UnfitAnswerError) as error:
                problems.append(f"{one.name}: {error}".strip())
    return problems
