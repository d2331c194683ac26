"""Ask one server for the state of its migrations, and why: what the command `explain` prints."""

from __future__ import annotations

import asyncio

import psycopg

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.collectors.liquibase import LIQUIBASE, poll
from pg_migration_exporter.collectors.liquibase.memory import LiquibaseMemory
from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.run_context import ContextFactory
from pg_migration_exporter.engine.store import Store
from pg_migration_exporter.errors import UserError
from pg_migration_exporter.liquibase.state.evidence import Evidence
from pg_migration_exporter.liquibase.state.explanation import Explanation, Setup, explain
from pg_migration_exporter.liquibase.state.tracked import ChangelogSnapshot
from pg_migration_exporter.postgres import capabilities
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.conninfo import describe_server
from pg_migration_exporter.postgres.persistent_connection import (
    PersistentConnection,
    UnreachableError,
)
from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.session import Session

#: Whether the setting is on, for everyone or for a role or a database.
_CHECKS_CONNECTIONS = Query(
    """
select current_setting('client_connection_check_interval') <> '0'
       or exists (select from pg_db_role_setting s, unnest(s.setconfig) as setting
                   where setting like 'client_connection_check_interval=%' and setting !~ '=0')
"""
)
_POLL_EVERY = 1.0


async def explain_server(settings: Settings) -> list[Explanation]:
    """Explain every changelog of the database. Raises UserError where it cannot be asked."""
    connection = PersistentConnection(settings.postgres)
    try:
        async with asyncio.timeout(settings.scrape.timeout + settings.liquibase.stale_lock_after):
            return await _explain(await connection.session(), settings)
    except (UnreachableError, psycopg.Error, TimeoutError) as error:
        raise UserError(f"the server cannot be asked: {error}") from error
    finally:
        await connection.close()


async def _explain(session: Session, settings: Settings) -> list[Explanation]:
    known = Capabilities.from_rows(await session.query(capabilities.SQL))
    obstacle = LIQUIBASE.obstacle(known)
    if obstacle is not None:
        raise UserError(f"Liquibase cannot be watched here: {obstacle.remedy_for(known)}")
    memory = LIQUIBASE.memory(settings)
    store = Store(settings.state_directory, describe_server(settings.postgres))
    store.restore({LIQUIBASE.name: memory})
    context = ContextFactory(settings).make(LIQUIBASE, memory, session, known)
    snapshots = await _poll_until_sure(context)
    checks = await context.query(_CHECKS_CONNECTIONS)
    setup = Setup(
        commit_timestamps=known.commit_timestamps,
        checks_connections=bool(checks.rows[0][0]),
        remembers=settings.state_directory is not None,
        configures_changelogs=bool(settings.liquibase.changelogs),
    )
    return [explain(snapshot, setup) for snapshot in snapshots]


async def _poll_until_sure(context: RunContext[LiquibaseMemory]) -> list[ChangelogSnapshot]:
    """Poll until no lock may be stale: it counts as stale only after a while."""
    snapshots = await poll(context)
    while any(_may_be_stale(snapshot.evidence) for snapshot in snapshots):
        await asyncio.sleep(_POLL_EVERY)
        snapshots = await poll(context)
    return snapshots


def _may_be_stale(evidence: Evidence) -> bool:
    lock = evidence.lock
    return (
        lock.locked and not lock.has_holder and lock.holder_missing_for < evidence.stale_lock_after
    )
