"""One scrape: deadline, plan, run, and what is said of each collector.

Every collector is a task of its own. The statements that the tasks ask for in the same turn of the
event loop travel in one round trip; a task that fails, or is not done at the deadline, loses its
own families and nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from pg_migration_exporter.collectors import Collector
from pg_migration_exporter.collectors.base import Scope
from pg_migration_exporter.collectors.server import SERVER, UP
from pg_migration_exporter.complaints import Complaints
from pg_migration_exporter.config import Settings
from pg_migration_exporter.families import Family, FamilySamples
from pg_migration_exporter.plan import Plan, select_collectors
from pg_migration_exporter.postgres import capabilities
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.conninfo import describe_server
from pg_migration_exporter.postgres.link import Link, UnreachableError
from pg_migration_exporter.postgres.session import Rows, Session, SessionLostError
from pg_migration_exporter.watch.events import EventLog
from pg_migration_exporter.watch.watcher import Watcher

SUCCESS = Family(
    "migration_exporter_collector_success",
    "gauge",
    "1 if the collector answered in this scrape, 0 if it failed or ran out of time.",
    ("collector",),
)
DURATION = Family(
    "migration_exporter_collector_duration_seconds",
    "gauge",
    "Time until the collector answered, the statements sent before its own included.",
    ("collector",),
)
SKIPPED = Family(
    "migration_exporter_collector_skipped",
    "gauge",
    "1 for each collector that cannot run on this server or with this role, with the reason.",
    ("collector", "reason"),
)
SCRAPE_DURATION = Family(
    "migration_exporter_scrape_duration_seconds", "gauge", "Time that this scrape took."
)
CONNECTIONS = Family(
    "migration_exporter_connections", "gauge", "Connections that the exporter has to the server."
)
WATCH_AGE = Family(
    "migration_exporter_watch_age_seconds",
    "gauge",
    "Time since the watcher last looked at everything; absent before its first look.",
)
STATE_STORED = Family(
    "migration_exporter_state_stored",
    "gauge",
    "1 while what the watcher remembers is kept in the state directory, 0 if a restart forgets it.",
)

#: What a scrape says of itself, beside the families of the collectors.
FAMILIES = (SUCCESS, DURATION, SKIPPED, SCRAPE_DURATION, CONNECTIONS, WATCH_AGE, STATE_STORED)


@dataclass(slots=True)
class Scrape:
    """One scrape under way or done; `families` may be asked for at any moment."""

    started: float = field(default_factory=time.monotonic)
    plan: Plan | None = None
    answered: dict[str, tuple[float, list[FamilySamples]]] = field(default_factory=dict)
    watcher: Watcher | None = None
    connections: int = 0

    @property
    def reached(self) -> bool:
        """True if the server answered."""
        return SERVER.name in self.answered

    def published(self) -> Iterator[FamilySamples]:
        """The families of the collectors that have answered."""
        for collector in (self.plan or Plan()).collectors:
            if collector.name in self.answered:
                yield from self.answered[collector.name][1]

    def families(self) -> Iterator[FamilySamples]:
        """Everything known now: families of collectors that answered, and what is said of each."""
        plan = self.plan or Plan()
        yield from self.published()
        if not self.reached:
            yield FamilySamples(UP, [((), 0)])
        yield from self._about_collectors(plan)
        yield FamilySamples(SCRAPE_DURATION, [((), time.monotonic() - self.started)])
        yield FamilySamples(CONNECTIONS, [((), self.connections)])
        yield from self._about_watcher()

    def _about_watcher(self) -> Iterator[FamilySamples]:
        age, stored = FamilySamples(WATCH_AGE), FamilySamples(STATE_STORED)
        if self.watcher is not None:
            stored.add(int(self.watcher.remembers))
            if self.watcher.age is not None:
                age.add(self.watcher.age)
        yield from (age, stored)

    def _about_collectors(self, plan: Plan) -> Iterator[FamilySamples]:
        success, skipped, duration = (FamilySamples(one) for one in (SUCCESS, SKIPPED, DURATION))
        for collector in plan.collectors:
            success.add(int(collector.name in self.answered), collector.name)
        for collector, obstacle in plan.skipped:
            skipped.add(1, collector.name, obstacle.reason)
        for name, (seconds, _) in self.answered.items():
            duration.add(seconds, name)
        yield from (success, skipped, duration)


class Target:
    """One database that is scraped: its connection, its plan, its collectors' memories."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.events = EventLog()
        self.complaints = Complaints()
        #: Called with each scrape that has ended.
        self.listeners: list[Callable[[Scrape], None]] = []
        self._link = Link(settings.postgres)
        self._collectors = select_collectors(settings.collectors)
        self._memories: dict[str, Any] = {
            collector.name: collector.memory(settings) for collector in self._collectors
        }
        self._plan = Plan(self._collectors)
        self._watcher = Watcher(settings, self._collectors, self._memories, self.events)
        self._watching: asyncio.Task[None] | None = None
        self._current: tuple[Scrape, asyncio.Task[None]] | None = None

    @property
    def last(self) -> Scrape | None:
        """The latest scrape, under way or done; None before the first."""
        return self._current[0] if self._current else None

    @property
    def name(self) -> str:
        """How people know it: host, port and database."""
        return describe_server(self.settings.postgres)

    def memories(self, collector: str) -> list[Any]:
        """What a collector remembers, for each database; none if it does not run."""
        return [self._memories[collector]] if collector in self._memories else []

    def start(self) -> None:
        """Begin to watch between scrapes."""
        if self.settings.watch.enabled:
            self._watching = asyncio.create_task(self._watcher.run())

    async def scrape(self, timeout: float) -> Scrape:
        """Scrape, or join the scrape under way; what is there after `timeout` seconds."""
        if self._current is None or self._current[1].done():
            scrape = Scrape(watcher=self._watcher if self._watching else None)
            self._current = scrape, asyncio.create_task(self._run(scrape, timeout))
        scrape, task = self._current
        await asyncio.wait([task], timeout=timeout)
        return scrape

    async def close(self) -> None:
        """Stop what is under way and close the connections."""
        under_way = [self._watching, self._current[1] if self._current else None]
        await stop([task for task in under_way if task is not None])
        await self._link.close()

    async def _run(self, scrape: Scrape, timeout: float) -> None:
        scrape.plan = self._plan
        try:
            async with asyncio.timeout(timeout):
                await self._collect(scrape)
            self.complaints.hear("scrape", None)
        except TimeoutError:
            self.complaints.hear("scrape", f"not complete after {timeout:.1f} s")
        except (UnreachableError, psycopg.Error) as error:
            self.complaints.hear("scrape", str(error))
        finally:
            scrape.connections = self._link.connections + self._watcher.connections
            self._link.release()
            for hear in self.listeners:
                hear(scrape)

    async def _collect(self, scrape: Scrape) -> None:
        """Scrape once; once more if a connection from an earlier scrape turned out to be dead."""
        was_open = self._link.connections > 0
        try:
            await self._collect_on(await self._link.session(), scrape)
        except SessionLostError:
            if not was_open:
                raise
            await self._collect_on(await self._link.session(), scrape)

    async def _collect_on(self, session: Session, scrape: Scrape) -> None:
        """Run the plan while the capabilities that it rests on are asked for again."""
        plan = self._plan
        asked = asyncio.create_task(session.query(capabilities.SQL))
        running = self._start(plan, session, scrape)
        try:
            now = await _answer(asked, plan)
            if now != plan.capabilities:
                await stop(running)
                plan = self._replan(now, scrape)
                running = self._start(plan, session, scrape)
            await asyncio.gather(*running)
        finally:
            await stop([asked, *running])

    def _replan(self, now: Capabilities, scrape: Scrape) -> Plan:
        scrape.answered.clear()
        self._plan = scrape.plan = Plan.make(self._collectors, now)
        self._plan.log()
        return self._plan

    def _start(self, plan: Plan, session: Session, scrape: Scrape) -> list[asyncio.Task[None]]:
        if plan.capabilities is None:
            return []
        return [
            asyncio.create_task(self._run_collector(one, session, plan.capabilities, scrape))
            for one in plan.collectors
        ]

    async def _run_collector(
        self, collector: Collector, session: Session, known: Capabilities, scrape: Scrape
    ) -> None:
        families = {family.name: FamilySamples(family) for family in collector.families}
        memory = self._memories[collector.name]
        started = time.monotonic()
        with self.complaints.about(collector.name):
            await collector.collect(
                collector,
                Scope(session, known, self.settings, memory, families, self.events),
            )
            scrape.answered[collector.name] = time.monotonic() - started, list(families.values())


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
