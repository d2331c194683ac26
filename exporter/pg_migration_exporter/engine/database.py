"""One database of a target: its connections, its plan, its collectors' memories, one scrape of it.

Every collector is a task of its own. The statements that the tasks ask for in the same turn of the
event loop travel in one round trip; a task that fails, or is not done at the deadline, loses its
own families and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from pg_migration_exporter.collectors import Collector
from pg_migration_exporter.collectors.cache import CachedResult
from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.database_watcher import DatabaseWatcher
from pg_migration_exporter.engine.event_log import EventLog
from pg_migration_exporter.engine.failures import FailureLog
from pg_migration_exporter.engine.plan import Plan
from pg_migration_exporter.engine.run_collector import run_collector
from pg_migration_exporter.engine.run_context import ContextFactory
from pg_migration_exporter.engine.store import Durable
from pg_migration_exporter.metrics.families import FamilySamples
from pg_migration_exporter.postgres import capabilities, pooler
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.conninfo import database_of
from pg_migration_exporter.postgres.persistent_connection import (
    PersistentConnection,
    UnreachableError,
)
from pg_migration_exporter.postgres.rows import Rows
from pg_migration_exporter.postgres.session import Session, SessionLostError

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Part:
    """What a scrape has found in one database so far; `now` is None until it answers."""

    plan: Plan
    datname: str | None = None
    now: Capabilities | None = None
    answered: dict[str, tuple[float, list[FamilySamples]]] = field(default_factory=dict)


class Database:
    """One database that is scraped and watched; at most two connections."""

    def __init__(
        self,
        settings: Settings,
        collectors: Sequence[Collector[Any]],
        events: EventLog,
        place: str,
        *,
        is_main: bool,
    ) -> None:
        self._datname = datname = database_of(settings.postgres)
        self._place = place
        self._connection = PersistentConnection(settings.postgres)
        self._collectors = [one for one in collectors if not datname or one.runs_in(datname)]
        self._memories: dict[str, Any] = {one.name: one.memory(settings) for one in collectors}
        self._cached = {one.name: CachedResult() for one in collectors}
        self._plan = Plan(self._collectors)
        self.failures = FailureLog(place)
        self._contexts = ContextFactory(settings, events.emit, self.failures, is_main)
        self.watcher = DatabaseWatcher(
            self._contexts, self._collectors, self._memories, self.failures
        )

    @property
    def capabilities(self) -> Capabilities | None:
        """What is known of the server and the role; None before the first answer."""
        return self._plan.capabilities

    def memory(self, collector: str) -> Any:
        """What a collector remembers; None if it does not run here."""
        return self._memories.get(collector)

    @property
    def connections(self) -> int:
        """How many connections there are now: 0 to 2."""
        return self._connection.connections + self.watcher.connections

    @property
    def datname(self) -> str | None:
        """Its name; None where libpq decides and it was not reached yet."""
        known = self._plan.capabilities
        return known.datname if known else self._datname

    @property
    def is_pooled(self) -> bool | None:
        """Whether a connection pooler is in between; None before the first connection."""
        return self._connection.is_pooled

    def part(self) -> Part:
        """The beginning of a scrape, with what is known from the one before."""
        return Part(self._plan, self.datname)

    def inherit(self, old: Database) -> None:
        """Take over what must not be forgotten from the same database with other settings."""
        for name, memory in self._memories.items():
            before = old._memories.get(name)
            if isinstance(memory, Durable) and isinstance(before, Durable):
                memory.restore(before.dump())

    async def scrape(self, part: Part, timeout: float) -> None:
        """Fill `part`, for `timeout` seconds at most; what goes wrong is logged."""
        try:
            async with asyncio.timeout(timeout):
                await self._collect(part)
            self.failures.clear("scrape")
        except TimeoutError:
            self.failures.record("scrape", f"not complete after {timeout:.1f} s")
        except (UnreachableError, psycopg.Error) as error:
            self.failures.record("scrape", str(error))
        finally:
            self._connection.release()

    async def close(self) -> None:
        """Close the connections; what is remembered stays."""
        await self.watcher.close()
        for one in self._collectors:
            if one.close is not None:
                await one.close(self._memories[one.name])
        await self._connection.close()

    async def _collect(self, part: Part) -> None:
        """Scrape once; once more if a connection from an earlier scrape turned out to be dead."""
        was_open = self._connection.connections > 0
        try:
            await self._collect_on(await self._connection.session(), part)
        except SessionLostError:
            if not was_open:
                raise
            await self._collect_on(await self._connection.session(), part)

    async def _collect_on(self, session: Session, part: Part) -> None:
        """Run the plan while the capabilities that it rests on are asked for again."""
        plan = self._plan
        asked = asyncio.create_task(session.query(capabilities.SQL))
        running = self._start(plan, session, part)
        try:
            now = part.now = await _answer(asked, plan)
            if now != plan.capabilities:
                await stop(running)
                plan = self._replan(now, part)
                running = self._start(plan, session, part)
            await asyncio.gather(*running)
        finally:
            await stop([asked, *running])

    def _replan(self, now: Capabilities, part: Part) -> Plan:
        part.answered.clear()
        part.datname = now.datname
        self._plan = part.plan = Plan.make(self._collectors, now)
        self._plan.log(self._place)
        if self._connection.is_pooled:
            log.warning("%s%s", self._place, pooler.WARNING)
        return self._plan

    def _start(self, plan: Plan, session: Session, part: Part) -> list[asyncio.Task[None]]:
        if plan.capabilities is None:
            return []
        known = plan.capabilities
        first = [
            asyncio.create_task(self._run(one, session, known, part))
            for one in plan.collectors
            if not one.last
        ]
        last = [one for one in plan.collectors if one.last]
        if not last:
            return first

        async def after_the_others() -> None:
            if first:
                await asyncio.wait(first)
            await asyncio.gather(*(self._run(one, session, known, part) for one in last))

        return [*first, asyncio.create_task(after_the_others())]

    async def _run(
        self, collector: Collector[Any], session: Session, known: Capabilities, part: Part
    ) -> None:
        memory = self._memories[collector.name]
        started = time.monotonic()
        with self.failures.isolate(collector.name):
            context = self._contexts.make(collector, memory, session, known)
            await run_collector(collector, context, self._cached[collector.name])
            families = list(context.families.values())
            part.answered[collector.name] = time.monotonic() - started, families


async def _answer(asked: asyncio.Task[Rows], plan: Plan) -> Capabilities:
    """The capabilities now, or those of the plan where asking alone failed (it was cancelled)."""
    try:
        return Capabilities.from_rows(await asked)
    except SessionLostError:
        raise
    except psycopg.Error:
        if plan.capabilities is None:
            raise
        return plan.capabilities


async def stop(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
