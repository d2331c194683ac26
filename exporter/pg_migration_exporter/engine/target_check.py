"""Checks the targets before they are scraped: connection, grants, and each collector once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from pg_migration_exporter.collectors import Collector
from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.targets import settings_by_target
from pg_migration_exporter.engine.collector_trial import try_collectors
from pg_migration_exporter.engine.plan import Plan, select_collectors
from pg_migration_exporter.engine.target import (
    collectors_for_database,
    log_prefix,
    settings_for_database,
)
from pg_migration_exporter.engine.watched_databases import WatchedDatabases
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.liquibase.history.pairs import TableRules, refused_tables
from pg_migration_exporter.liquibase.history.tables import (
    DISCOVER_BY_COLUMNS,
    DISCOVER_BY_NAME,
    read_tables,
)
from pg_migration_exporter.postgres import capabilities, excess_rights, pooler, preload
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.persistent_connection import (
    PersistentConnection,
    UnreachableError,
)
from pg_migration_exporter.postgres.session import Session

#: Targets that are checked at the same time.
_MAX_CONCURRENT = 10


@dataclass(frozen=True, slots=True)
class _DatabaseCheck:
    """What was found in one database; `working` are names of collectors, the others lines."""

    server: Capabilities
    working: Sequence[str]
    problems: Sequence[str]
    warnings: Sequence[str]


async def check_targets(settings: Settings) -> str:
    """Return a line for each target: everything works.

    Raises ConfigError with a line for each problem: what it is, and the grant or step that fixes
    it.
    """
    slots = asyncio.Semaphore(_MAX_CONCURRENT)

    async def check(name: str, target: Settings) -> str:
        prefix = log_prefix(name)
        try:
            async with slots:
                return _prefixed(prefix, await _check_target(target))
        except ConfigError as error:
            raise ConfigError(_prefixed(prefix, str(error))) from error

    checks = [check(name, target) for name, target in settings_by_target(settings).items()]
    results = await asyncio.gather(*checks, return_exceptions=True)
    problems = [result for result in results if isinstance(result, BaseException)]
    for problem in problems:
        if not isinstance(problem, ConfigError):
            raise problem
    if problems:
        raise ConfigError("\n".join(map(str, problems)))
    return "\n".join(map(str, results))


async def _check_target(settings: Settings) -> str:
    collectors = select_collectors(settings)
    main = await _check_database(settings, collectors)
    problems = [*main.problems]
    watched = WatchedDatabases.choose(main.server, settings.databases)
    if problem := watched.problem():
        problems.append(f"databases: {problem}")
    warnings = [*main.warnings]
    for name in watched.names:
        other_problems, other_warnings = await _check_other_database(settings, collectors, name)
        problems += other_problems
        warnings += (
            f"database {name}: {warning}"
            for warning in other_warnings
            if warning not in main.warnings
        )
    working = ", ".join(main.working)
    if problems:
        raise ConfigError("\n".join([*problems, f"what works: {working}", *warnings]))
    server = f"PostgreSQL {main.server.version}, {main.server.role}, role {main.server.usename}"
    return "\n".join([f"{server}: all works: {working}", *warnings])


def _prefixed(prefix: str, text: str) -> str:
    return "\n".join(f"{prefix}{line}" for line in text.splitlines())


async def _check_other_database(
    settings: Settings, collectors: Sequence[Collector[Any]], name: str
) -> tuple[list[str], list[str]]:
    """Return a line for each problem in another database of the server, and for each warning."""
    try:
        check = await _check_database(
            settings_for_database(settings, name), collectors_for_database(collectors)
        )
    except ConfigError as error:
        return [_prefixed(f"database {name}: ", str(error))], []
    problems = [_prefixed(f"database {name}: ", problem) for problem in check.problems]
    return problems, [*check.warnings]


async def _check_database(
    settings: Settings, collectors: Sequence[Collector[Any]]
) -> _DatabaseCheck:
    """Connect and run each collector once. Raises ConfigError without an answer."""
    connection = PersistentConnection(settings.postgres)
    try:
        async with asyncio.timeout(settings.scrape.timeout):
            session = await connection.session()
            server = Capabilities.from_rows(await session.query(capabilities.SQL))
            plan = Plan.make(collectors, server)
            warnings = await _warnings(session, server, settings)
        trial = await try_collectors(session, plan, settings)
        return _DatabaseCheck(
            server,
            trial.working,
            plan.problems() + trial.problems,
            [f"warning: {warning}" for warning in warnings + trial.warnings()],
        )
    except (UnreachableError, psycopg.Error, TimeoutError) as error:
        reason = str(error) or f"no answer in {settings.scrape.timeout:g} s"
        raise ConfigError(f"the server cannot be reached: {reason}") from error
    finally:
        await connection.close()


async def _warnings(session: Session, server: Capabilities, settings: Settings) -> list[str]:
    """Return a line for each thing that works, but not as well as it could."""
    warnings = [pooler.WARNING] if session.is_pooled else []
    libraries = await session.query(preload.SQL)
    warnings += filter(None, (preload.warning(setting) for (setting,) in libraries.rows))
    rights = await session.query(excess_rights.SQL)
    warnings += filter(None, [excess_rights.warning(server.usename, rights)])
    warnings += await _refused_tables(session, server, settings)
    return warnings


async def _refused_tables(session: Session, server: Capabilities, settings: Settings) -> list[str]:
    """Return a line for each table that looks like Liquibase's and is not read."""
    queries = (DISCOVER_BY_NAME, DISCOVER_BY_COLUMNS)
    if not all(query.runs_on(server) for query in queries):
        return []
    found = [await session.query(query.for_version(server.version_num)) for query in queries]
    rules = TableRules.of(settings.liquibase, server.datname)
    return [
        f"table {name} is not read: it {why}. If it is Liquibase's, see docs/security.md, "
        '"Whose tables are read"; if not, liquibase.exclude hides it'
        for name, why in refused_tables(read_tables(*found), rules).items()
    ]
