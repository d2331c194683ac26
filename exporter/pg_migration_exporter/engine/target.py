"""One target: a server, with its watched databases.

What is the same in every database is read in the one of the connection string. The others come and
go with the server's list of databases, which each scrape reads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pg_migration_exporter.collectors import Collector
from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.schema import DEFAULT_TARGET
from pg_migration_exporter.engine.baseline import TargetBaseline
from pg_migration_exporter.engine.database import Database
from pg_migration_exporter.engine.deadline import Deadline
from pg_migration_exporter.engine.event_log import EventLog
from pg_migration_exporter.engine.failures import FailureLog
from pg_migration_exporter.engine.plan import select_collectors
from pg_migration_exporter.engine.scrape import DatabaseScrape, Scrape
from pg_migration_exporter.engine.tasks import cancel_all
from pg_migration_exporter.engine.watched_databases import WatchedDatabases
from pg_migration_exporter.engine.watcher import Watcher
from pg_migration_exporter.liquibase.logs.log_error import LogError
from pg_migration_exporter.metrics.exposition import Renderer
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.conninfo import describe_server, with_database


@dataclass(frozen=True, slots=True)
class _Running:
    """A scrape, in progress or done, and when it must end."""

    scrape: Scrape
    task: asyncio.Task[None]
    deadline: Deadline


#: Seconds that a scrape has at least: a client with less time must not spoil it for others.
_MIN_SCRAPE = 1.0


class Target:
    """One server that is scraped; nothing is connected before the first scrape or `start`."""

    def __init__(self, settings: Settings, name: str = DEFAULT_TARGET) -> None:
        self.settings = settings
        self.name = name
        #: Renders the pages of this target.
        self.renderer = Renderer()
        #: Called with each scrape that has ended.
        self.listeners: list[Callable[[Scrape], None]] = []
        self._log_prefix = log_prefix(name)
        self._collectors = select_collectors(settings)
        self.events = EventLog(self._log_prefix)
        self._main = Database(
            settings, self._collectors, self.events, self._log_prefix, is_main=True
        )
        self._others: dict[str, Database] = {}
        #: The databases that were watched, or should have been, in the latest scrape.
        self._known_databases: set[str] = set()
        self._failures = FailureLog(self._log_prefix)
        self._closing: set[asyncio.Task[None]] = set()
        self._baseline = TargetBaseline(
            settings, lambda: [database.memories for database in self.databases()]
        )
        self._watcher = Watcher(
            settings.watch,
            lambda: [database.watcher for database in self.databases()],
            self._disconnect,
            self._baseline.record,
        )
        self._watching: asyncio.Task[None] | None = None
        self._current: _Running | None = None
        #: When a scrape was last requested (time.monotonic).
        self.requested_at: float | None = None

    @property
    def last(self) -> Scrape | None:
        """The latest scrape, in progress or done; None before the first."""
        return self._current.scrape if self._current else None

    @property
    def connections(self) -> int:
        """The number of open connections: at most two for each database."""
        return sum(database.connections for database in self.databases())

    def start(self) -> None:
        """Start the watcher, if it is enabled and not running."""
        if self.settings.watch.enabled and self._watching is None:
            self._watching = asyncio.create_task(self._watcher.run())

    async def scrape(self, timeout: float) -> Scrape:
        """Scrape, or join the scrape in progress; return what it has after `timeout` seconds."""
        self.requested_at = time.monotonic()
        ends_at = self.requested_at + timeout
        self.start()
        if self._current is not None and self._current.deadline.is_over:
            # Its time is over, it only cleans up: it will get no more results.
            await asyncio.wait([self._current.task], timeout=timeout)
        if self._current is None or self._current.task.done():
            self._current = self._begin(max(ends_at, self.requested_at + self._least_time))
        running = self._current
        running.deadline.extend(ends_at)
        await asyncio.wait([running.task], timeout=max(ends_at - time.monotonic(), 0.0))
        return running.scrape

    def _begin(self, ends_at: float) -> _Running:
        databases = [database.begin_scrape() for database in self.databases()]
        scrape = Scrape(databases, self._watcher if self._watching else None, self._baseline)
        deadline = Deadline(ends_at)
        return _Running(scrape, asyncio.create_task(self._run(scrape, deadline)), deadline)

    @property
    def _least_time(self) -> float:
        return min(_MIN_SCRAPE, self.settings.scrape.timeout)

    def handle_log_errors(self, errors: Sequence[LogError]) -> None:
        """Remember errors of the server's log as evidence of failed migrations."""
        for database in self.databases():
            database.handle_log_errors(errors)

    async def close(self) -> None:
        """Stop scraping and watching, and close the connections; memories stay."""
        tasks = [self._watching, self._current.task if self._current else None]
        self._watching = None
        await cancel_all(task for task in tasks if task is not None)
        await asyncio.gather(*self._closing, *(database.close() for database in self.databases()))

    def inherit(self, old: Target) -> None:
        """Take over the durable memories from a target with other settings."""
        if describe_server(self.settings.postgres) == describe_server(old.settings.postgres):
            self._main.inherit(old._main)

    def databases(self) -> list[Database]:
        """Return the watched databases, the one of the connection string first."""
        return [self._main, *self._others.values()]

    async def _run(self, scrape: Scrape, deadline: Deadline) -> None:
        try:
            await _scrape_all(self.databases(), scrape.databases, deadline)
            server = scrape.databases[0].capabilities
            if server is not None and self.settings.databases.include:
                new = self._update_databases(server, scrape)
                scrapes = [database.begin_scrape() for database in new]
                scrape.databases.extend(scrapes)
                await _scrape_all(new, scrapes, deadline)
        finally:
            scrape.connections = self.connections
            scrape.is_pooled = self._main.is_pooled
            scrape.is_superuser = self._main.is_superuser
            for listener in self.listeners:
                listener(scrape)

    def _update_databases(self, server: Capabilities, scrape: Scrape) -> list[Database]:
        """Watch the databases that the server offers now; return the new ones."""
        watched = WatchedDatabases.choose(server, self.settings.databases, self._known_databases)
        self._known_databases = {*watched.names, *watched.missing}
        scrape.missing, scrape.left_out = watched.missing, watched.left_out
        if problem := watched.problem():
            self._failures.record("databases", problem)
        else:
            self._failures.clear("databases")
        for name in self._others.keys() - watched.names:
            self._close_database(name)
        scrape.databases[1:] = [
            database for database in scrape.databases[1:] if database.datname in watched.names
        ]
        new = [name for name in watched.names if name not in self._others]
        self._others |= {name: self._make_database(name) for name in new}
        return [self._others[name] for name in new]

    async def _disconnect(self, names: Sequence[str]) -> None:
        """Close the connections to these databases; the next poll or scrape opens them again."""
        for database in self.databases():
            if database.datname in names:
                await database.close()

    def _close_database(self, name: str) -> None:
        closing = asyncio.create_task(self._others.pop(name).close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _make_database(self, name: str) -> Database:
        return Database(
            settings_for_database(self.settings, name),
            collectors_for_database(self._collectors),
            self.events,
            f"{self._log_prefix}database {name}: ",
            is_main=False,
        )


def log_prefix(name: str) -> str:
    """Return what begins a line about the target; nothing for the one without a name."""
    return "" if name == DEFAULT_TARGET else f"target {name}: "


def settings_for_database(settings: Settings, name: str) -> Settings:
    """Return the settings of a target for another database of its server."""
    return settings.model_copy(update={"postgres": with_database(settings.postgres, name)})


def collectors_for_database(collectors: Iterable[Collector[Any]]) -> list[Collector[Any]]:
    """Return the collectors that run in every watched database."""
    return [collector for collector in collectors if collector.level == "database"]


async def _scrape_all(
    databases: Iterable[Database], scrapes: Iterable[DatabaseScrape], deadline: Deadline
) -> None:
    pairs = zip(databases, scrapes, strict=True)
    await asyncio.gather(*(database.scrape(scrape, deadline) for database, scrape in pairs))
