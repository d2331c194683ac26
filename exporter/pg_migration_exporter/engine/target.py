"""One target: a server, with the databases of it that are watched.

Everything that is the same in every database is read in the one that is connected to; the others
come and go with the server's list of databases, which each scrape brings along.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pg_migration_exporter.collectors import Collector
from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.schema import DEFAULT_TARGET, DatabasesSection
from pg_migration_exporter.engine.database import Database, Part, stop
from pg_migration_exporter.engine.event_log import EventLog
from pg_migration_exporter.engine.failures import FailureLog
from pg_migration_exporter.engine.plan import select_collectors
from pg_migration_exporter.engine.scrape import Scrape
from pg_migration_exporter.engine.watcher import Watcher
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.conninfo import describe_server, with_database


@dataclass(frozen=True, slots=True)
class _Running:
    """A scrape, under way or done, and when it must end."""

    scrape: Scrape
    task: asyncio.Task[None]
    ends_at: float


class Target:
    """One server that is scraped; nothing is connected before the first scrape or `start`."""

    def __init__(self, settings: Settings, name: str = DEFAULT_TARGET) -> None:
        self.settings = settings
        self.name = name
        #: Called with each scrape that has ended.
        self.listeners: list[Callable[[Scrape], None]] = []
        self._place = place_of(name)
        self._collectors = select_collectors(settings)
        self.events = EventLog(self._place)
        self._main = Database(settings, self._collectors, self.events, self._place, is_main=True)
        self._others: dict[str, Database] = {}
        self._failures = FailureLog(self._place)
        self._closing: set[asyncio.Task[None]] = set()
        self._watcher = Watcher(
            settings.watch,
            lambda: [one.watcher for one in self.databases()],
            self._make_way,
        )
        self._watching: asyncio.Task[None] | None = None
        self._current: _Running | None = None
        self.asked_at: float | None = None

    @property
    def last(self) -> Scrape | None:
        """The latest scrape, under way or done; None before the first."""
        return self._current.scrape if self._current else None

    @property
    def connections(self) -> int:
        """How many connections there are now: at most two for each database."""
        return sum(one.connections for one in self.databases())

    def start(self) -> None:
        """Begin to watch between scrapes."""
        if self.settings.watch.enabled and self._watching is None:
            self._watching = asyncio.create_task(self._watcher.run())

    async def scrape(self, timeout: float) -> Scrape:
        """Scrape, or join the scrape under way; what is there after `timeout` seconds."""
        self.asked_at = time.monotonic()
        ends_at = self.asked_at + timeout
        self.start()
        if self._current is not None and self._current.ends_at <= self.asked_at:
            # What it lacks now, it will lack for ever: let it be put away.
            await asyncio.wait([self._current.task], timeout=timeout)
        if self._current is None or self._current.task.done():
            self._current = self._begin(ends_at)
        running = self._current
        await asyncio.wait([running.task], timeout=max(ends_at - time.monotonic(), 0.0))
        return running.scrape

    def _begin(self, ends_at: float) -> _Running:
        parts = [one.part() for one in self.databases()]
        scrape = Scrape(parts, self._watcher if self._watching else None)
        timeout = max(ends_at - time.monotonic(), 0.0)
        return _Running(scrape, asyncio.create_task(self._run(scrape, timeout)), ends_at)

    async def close(self) -> None:
        """Stop what is under way and close the connections; what is remembered stays."""
        under_way = [self._watching, self._current.task if self._current else None]
        self._watching = None
        await stop([task for task in under_way if task is not None])
        await asyncio.gather(*self._closing, *(one.close() for one in self.databases()))

    def inherit(self, old: Target) -> None:
        """Take over what must not be forgotten from a target with other settings."""
        if describe_server(self.settings.postgres) == describe_server(old.settings.postgres):
            self._main.inherit(old._main)

    def databases(self) -> list[Database]:
        """The databases that are watched now, the one that is connected to first."""
        return [self._main, *self._others.values()]

    async def _run(self, scrape: Scrape, timeout: float) -> None:
        ends_at = time.monotonic() + timeout
        try:
            await _scrape_all(zip(self.databases(), scrape.parts, strict=True), timeout)
            now = scrape.parts[0].now
            if now is not None and self.settings.databases.include:
                new = self._follow(now, scrape)
                parts = [one.part() for one in new]
                scrape.parts.extend(parts)
                left = max(ends_at - time.monotonic(), 0.0)
                await _scrape_all(zip(new, parts, strict=True), left)
        finally:
            scrape.connections = self.connections
            scrape.is_pooled = self._main.is_pooled
            for listener in self.listeners:
                listener(scrape)

    def _follow(self, now: Capabilities, scrape: Scrape) -> list[Database]:
        """Let the watched databases be those that the server offers now; those that are new."""
        wanted, scrape.missing, scrape.left_out = watched_databases(now, self.settings.databases)
        problems = database_problems(scrape.missing, scrape.left_out)
        if problems is None:
            self._failures.clear("databases")
        else:
            self._failures.record("databases", problems)
        for name in self._others.keys() - wanted:
            self._forget(name)
        scrape.parts[1:] = [part for part in scrape.parts[1:] if part.datname in wanted]
        new = [name for name in wanted if name not in self._others]
        self._others |= {name: self._open(name) for name in new}
        return [self._others[name] for name in new]

    async def _make_way(self, names: Sequence[str]) -> None:
        """Close the connections to these databases; the next look or scrape opens them again."""
        for one in self.databases():
            if one.datname in names:
                await one.close()

    def _forget(self, name: str) -> None:
        closing = asyncio.create_task(self._others.pop(name).close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _open(self, name: str) -> Database:
        settings, collectors = in_database(self.settings, self._collectors, name)
        place = f"{self._place}database {name}: "
        return Database(settings, collectors, self.events, place, is_main=False)


def place_of(name: str) -> str:
    """What stands before a line about the target; nothing for the one without a name."""
    return "" if name == DEFAULT_TARGET else f"target {name}: "


def in_database(
    settings: Settings, collectors: Iterable[Collector[Any]], name: str
) -> tuple[Settings, list[Collector[Any]]]:
    """The settings and the collectors of a target for another database of its server."""
    postgres = with_database(settings.postgres, name)
    scoped = [one for one in collectors if one.level == "database"]
    return settings.model_copy(update={"postgres": postgres}), scoped


async def _scrape_all(pairs: Iterable[tuple[Database, Part]], timeout: float) -> None:
    await asyncio.gather(*(database.scrape(part, timeout) for database, part in pairs))


def watched_databases(
    now: Capabilities, section: DatabasesSection
) -> tuple[list[str], list[str], int]:
    """Which databases of a server are watched beside the one that is connected to.

    Also those that are named and not offered, and how many are left out by the limit.
    """
    wanted = [
        name
        for name in now.databases
        if name != now.datname
        and _matches(name, section.include)
        and not _matches(name, section.exclude)
    ]
    names = [name for name in section.include if not set(name) & set("*?[")]
    missing = [name for name in names if name not in now.databases]
    most = section.limit - 1
    return wanted[:most], missing, len(wanted[most:])


def database_problems(missing: Sequence[str], left_out: int) -> str | None:
    """What is wrong with the databases that the configuration names, and how to mend it."""
    problems = [f"{name} is not there, or CONNECT is not granted on it" for name in missing]
    if left_out:
        problems.append(f"{left_out} are beyond databases.limit: raise it, or exclude them")
    return "; ".join(problems) or None


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
