"""One database of a target: its connections, its plan, the memories of its collectors.

Every collector is a task of its own. The statements that tasks send in the same turn of the event
loop travel in one round trip. A task that fails, or is not done at the deadline, loses its own
families and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from pg_migration_exporter.collectors import Collector
from pg_migration_exporter.collectors.cache import CachedResult
from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.database_watcher import DatabaseWatcher
from pg_migration_exporter.engine.deadline import Deadline
from pg_migration_exporter.engine.event_log import EventLog
from pg_migration_exporter.engine.failures import FailureLog
from pg_migration_exporter.engine.log_errors import deliver_log_errors
from pg_migration_exporter.engine.plan import Plan
from pg_migration_exporter.engine.run_collector import run_collector
from pg_migration_exporter.engine.run_context import ContextFactory
from pg_migration_exporter.engine.scrape import CollectorResult, DatabaseScrape
from pg_migration_exporter.engine.store import Durable
from pg_migration_exporter.engine.tasks import cancel_all
from pg_migration_exporter.liquibase.logs.log_error import LogError
from pg_migration_exporter.postgres import capabilities, pooler
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.conninfo import database_of
from pg_migration_exporter.postgres.persistent_connection import (
    PersistentConnection,
    UnreachableError,
)
from pg_migration_exporter.postgres.session import Session, SessionLostError

log = logging.getLogger(__name__)


class Database:
    """One database that is scraped and watched, over at most two connections."""

    def __init__(
        self,
        settings: Settings,
        collectors: Sequence[Collector[Any]],
        events: EventLog,
        log_prefix: str,
        *,
        is_main: bool,
    ) -> None:
        self._datname = datname = database_of(settings.postgres)
        self._log_prefix = log_prefix
        self._connection = PersistentConnection(settings.postgres)
        self._collectors = [
            collector for collector in collectors if not datname or collector.runs_in(datname)
        ]
        self._memories: dict[str, Any] = {
            collector.name: collector.memory(settings) for collector in collectors
        }
        self._cached = {collector.name: CachedResult() for collector in collectors}
        self._plan = Plan(self._collectors)
        self.failures = FailureLog(log_prefix)
        self._contexts = ContextFactory(settings, events.emit, self.failures, is_main)
        self.watcher = DatabaseWatcher(
            self._contexts, self._collectors, self._memories, self.failures
        )

    @property
    def capabilities(self) -> Capabilities | None:
        """The latest capabilities of the server and the role; None before the first answer."""
        return self._plan.capabilities

    @property
    def memories(self) -> Mapping[str, Any]:
        """The memories of the collectors, by name."""
        return self._memories

    def memory(self, collector: str) -> Any:
        """Return the memory of a collector; None if it does not run here."""
        return self._memories.get(collector)

    def handle_log_errors(self, errors: Sequence[LogError]) -> None:
        """Pass errors of the server's log on to the memories that accept them."""
        deliver_log_errors(errors, self.datname, self._memories.values())

    @property
    def connections(self) -> int:
        """The number of open connections: 0 to 2."""
        return self._connection.connections + self.watcher.connections

    @property
    def datname(self) -> str | None:
        """Its name; None where libpq decides and the server was not reached yet."""
        known = self._plan.capabilities
        return known.datname if known else self._datname

    @property
    def is_pooled(self) -> bool | None:
        """Whether a connection pooler is in between; None before the first connection."""
        return self._connection.is_pooled

    @property
    def is_superuser(self) -> bool | None:
        """Whether the role is a superuser; None before the server first said it."""
        return self._connection.is_superuser

    def begin_scrape(self) -> DatabaseScrape:
        """Return an empty scrape, with the plan of the one before."""
        return DatabaseScrape(self._plan, self.datname)

    def inherit(self, old: Database) -> None:
        """Take over the durable memories from the same database with other settings."""
        for name, memory in self._memories.items():
            before = old._memories.get(name)
            if isinstance(memory, Durable) and isinstance(before, Durable):
                memory.restore(before.dump())

    async def scrape(self, scrape: DatabaseScrape, deadline: Deadline) -> None:
        """Fill `scrape` until the deadline; failures are logged, not raised."""
        try:
            async with deadline.limit():
                await self._collect(scrape)
            self.failures.clear("scrape")
        except TimeoutError:
            self.failures.record("scrape", f"not complete after {deadline.total:.1f} s")
        except (UnreachableError, psycopg.Error) as error:
            self.failures.record("scrape", str(error))
        finally:
            self._connection.release()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Session]:
        """Lend the connection of scrapes to others. Raises UnreachableError."""
        try:
            yield await self._connection.session()
        finally:
            self._connection.release()

    async def close(self) -> None:
        """Close the connections; memories stay."""
        await self.watcher.close()
        for collector in self._collectors:
            if collector.close is not None:
                await collector.close(self._memories[collector.name])
        await self._connection.close()

    async def _collect(self, scrape: DatabaseScrape) -> None:
        """Run the plan; once more if a connection from an earlier scrape turns out to be dead."""
        was_open = self._connection.connections > 0
        try:
            await self._run_plan(await self._connection.session(), scrape)
        except SessionLostError:
            if not was_open:
                raise
            await self._run_plan(await self._connection.session(), scrape)

    async def _run_plan(self, session: Session, scrape: DatabaseScrape) -> None:
        """Run the plan while its capabilities are read again; once more if they have changed."""
        reading = asyncio.create_task(self._read_capabilities(session))
        running = self._start_collectors(session, scrape)
        try:
            scrape.capabilities = await reading
            if scrape.capabilities != self._plan.capabilities:
                await cancel_all(running)
                self._make_plan(scrape.capabilities, scrape)
                running = self._start_collectors(session, scrape)
            await asyncio.gather(*running)
        finally:
            await cancel_all([reading, *running])

    async def _read_capabilities(self, session: Session) -> Capabilities:
        """Return those of the plan where only this statement failed, such as when canceled."""
        try:
            return Capabilities.from_rows(await session.query(capabilities.SQL))
        except SessionLostError:
            raise
        except psycopg.Error:
            if self._plan.capabilities is None:
                raise
            return self._plan.capabilities

    def _make_plan(self, server: Capabilities, scrape: DatabaseScrape) -> None:
        self._plan = scrape.plan = Plan.make(self._collectors, server)
        scrape.datname = server.datname
        scrape.results.clear()
        self._plan.log(self._log_prefix)
        if self._connection.is_pooled:
            log.warning("%s%s", self._log_prefix, pooler.WARNING)

    def _start_collectors(
        self, session: Session, scrape: DatabaseScrape
    ) -> list[asyncio.Task[None]]:
        """Start the collectors of the plan, those that run last when the others have ended."""
        if self._plan.capabilities is None:
            return []
        first = [collector for collector in self._plan.collectors if not collector.last]
        last = [collector for collector in self._plan.collectors if collector.last]
        others = [asyncio.create_task(self._run(item, session, scrape)) for item in first]
        if not last:
            return others
        return [*others, asyncio.create_task(self._run_last(last, others, session, scrape))]

    async def _run_last(
        self,
        collectors: Sequence[Collector[Any]],
        others: Sequence[asyncio.Task[None]],
        session: Session,
        scrape: DatabaseScrape,
    ) -> None:
        if others:
            await asyncio.wait(others)
        await asyncio.gather(*(self._run(item, session, scrape) for item in collectors))

    async def _run(
        self, collector: Collector[Any], session: Session, scrape: DatabaseScrape
    ) -> None:
        assert self._plan.capabilities is not None
        memory = self._memories[collector.name]
        started = time.monotonic()
        with self.failures.isolate(collector.name):
            context = self._contexts.make(collector, memory, session, self._plan.capabilities)
            await run_collector(collector, context, self._cached[collector.name])
            seconds = time.monotonic() - started
            families = list(context.families.values())
            scrape.results[collector.name] = CollectorResult(
                seconds, families, context.bounds.left_out
            )
