"""The watcher: looks at the database between scrapes, over a connection of its own.

Once a second while something happens, every five seconds otherwise; in between, a glance of one
statement notices what begins. What it looks at, and what it learns, is each collector's business
(`Collector.watch`); this only keeps the rhythm.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from pg_migration_exporter.collectors.base import Collector, Scope
from pg_migration_exporter.complaints import Complaints
from pg_migration_exporter.config import Settings
from pg_migration_exporter.families import FamilySamples
from pg_migration_exporter.postgres import capabilities
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.conninfo import describe_server
from pg_migration_exporter.postgres.link import Link, UnreachableError
from pg_migration_exporter.postgres.session import Session
from pg_migration_exporter.watch.events import EventLog
from pg_migration_exporter.watch.store import Store

#: Whether it is time for a look: an index build, an ALTER TABLE, a wait for a lock. Costs the same
#: on a database of any size.
GLANCE = """
select exists (select from pg_stat_get_progress_info('CREATE INDEX'))
       or exists (select from pg_stat_activity
                   where wait_event_type = 'Lock'
                      or state = 'active' and query ~* '\\malter\\M' and pid <> pg_backend_pid())
"""


class Watcher:
    """Watches one target; `memories` (by collector) are shared with its scrapes."""

    def __init__(
        self,
        settings: Settings,
        collectors: Sequence[Collector],
        memories: Mapping[str, Any],
        events: EventLog,
    ) -> None:
        self._settings = settings
        self._collectors = [one for one in collectors if one.watch is not None]
        self._samplers = [one for one in collectors if one.sample is not None]
        self._known: Capabilities | None = None
        self._memories = memories
        self._events = events
        self._link = Link(settings.postgres)
        self._store = Store(settings.state_directory, describe_server(settings.postgres))
        self._complaints = Complaints()
        self._looked_at: float | None = None

    @property
    def connections(self) -> int:
        """How many connections the watcher has: 0 or 1."""
        return self._link.connections

    @property
    def remembers(self) -> bool:
        """False while the state directory cannot be written."""
        return self._store.works

    @property
    def age(self) -> float | None:
        """Seconds since the last complete look, None before the first."""
        return None if self._looked_at is None else time.monotonic() - self._looked_at

    async def run(self) -> None:
        """Look, store, wait, for ever; cancel to end."""
        self._store.restore(self._memories)
        try:
            while True:
                self._store.hand_out_orders(self._memories)
                something_happens = await self._look()
                self._store.save(self._memories)
                await self._rest(something_happens=something_happens)
        finally:
            self._store.save(self._memories)
            await self._link.close()

    async def _rest(self, *, something_happens: bool) -> None:
        rhythm = self._settings.watch
        until = time.monotonic() + rhythm.interval
        await asyncio.sleep(min(rhythm.busy_interval, rhythm.interval))
        while not something_happens and time.monotonic() < until:
            something_happens = await self._glance()
            if not something_happens:
                await asyncio.sleep(rhythm.busy_interval)

    async def _glance(self) -> bool:
        """True if something begins; also if the server cannot say: the look tells why."""
        try:
            async with asyncio.timeout(self._settings.scrape.timeout):
                session = await self._link.session()
                glance, _ = await asyncio.gather(session.query(GLANCE), self._sample(session))
                return bool(glance.rows == [(True,)])
        except (UnreachableError, psycopg.Error, TimeoutError):
            return True
        finally:
            self._link.release()

    async def _look(self) -> bool:
        try:
            async with asyncio.timeout(self._settings.scrape.timeout):
                session = await self._link.session()
                known = Capabilities.from_rows(await session.query(capabilities.SQL))
                self._known = known
                *answers, _ = await asyncio.gather(
                    *(
                        self._watch(one, session, known)
                        for one in self._collectors
                        if one.obstacle(known) is None
                    ),
                    self._sample(session),
                )
        except (UnreachableError, psycopg.Error, TimeoutError) as error:
            self._complaints.hear("watcher", str(error) or "no answer in time")
            return False
        finally:
            self._link.release()
        self._complaints.hear("watcher", None)
        self._looked_at = time.monotonic()
        return any(answers)

    async def _watch(self, collector: Collector, session: Session, known: Capabilities) -> bool:
        assert collector.watch is not None
        with self._complaints.about(f"watch {collector.name}"):
            return await collector.watch(self._scope(collector, session, known))
        return False

    async def _sample(self, session: Session) -> None:
        """What looks more often than the watcher; with nothing known of the server, nothing."""
        known = self._known
        for one in self._samplers:
            if known is not None and one.sample is not None and one.obstacle(known) is None:
                with self._complaints.about(f"sample {one.name}"):
                    await one.sample(self._scope(one, session, known))

    def _scope(self, collector: Collector, session: Session, known: Capabilities) -> Scope:
        families = {family.name: FamilySamples(family) for family in collector.families}
        memory = self._memories[collector.name]
        return Scope(session, known, self._settings, memory, families, self._events)
