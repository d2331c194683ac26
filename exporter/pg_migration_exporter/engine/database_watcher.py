"""What the watcher sees of one database: over a connection of its own, into shared memories."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import psycopg

from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.engine.failures import FailureLog
from pg_migration_exporter.engine.run_context import ContextFactory
from pg_migration_exporter.engine.store import Store
from pg_migration_exporter.postgres import capabilities
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.conninfo import describe_server
from pg_migration_exporter.postgres.persistent_connection import (
    PersistentConnection,
    UnreachableError,
)
from pg_migration_exporter.postgres.session import Session

#: Whether it is time for a look: an index build, an ALTER TABLE, a wait for a lock; and databases
#: that are being dropped, which waits five seconds for their sessions to end. Costs the same on a
#: database of any size, and sees all databases of the server.
PROBE = """
select exists (select from pg_stat_get_progress_info('CREATE INDEX'))
       or exists (select from pg_stat_activity
                   where wait_event_type = 'Lock'
                      or state = 'active' and query ~* '\\malter\\M' and pid <> pg_backend_pid())
       as begins,
       array(select d.datname::text
               from pg_stat_activity a join pg_database d on strpos(a.query, d.datname) > 0
              where a.state = 'active' and a.query ~* '\\mdrop\\s+database\\M'
                and a.pid <> pg_backend_pid()) as dropped
"""


class ServerProbe(NamedTuple):
    """Whether something begins, and the names of databases that are being dropped."""

    begins: bool
    dropped: Sequence[str] = ()


class DatabaseWatcher:
    """Looks at one database; `memories` (by collector) are shared with its scrapes."""

    def __init__(
        self,
        contexts: ContextFactory,
        collectors: Sequence[Collector[Any]],
        memories: Mapping[str, Any],
        failures: FailureLog,
    ) -> None:
        settings = self._settings = contexts.settings
        self._collectors = [one for one in collectors if one.watch is not None]
        self._samplers = [one for one in collectors if one.sample is not None]
        self._known: Capabilities | None = None
        self._memories = memories
        self._contexts = contexts
        self._connection = PersistentConnection(settings.postgres)
        self._store = Store(settings.state_directory, describe_server(settings.postgres))
        self._failures = failures
        self._polled_at: float | None = None
        self._is_restored = False
        self._busy = asyncio.Lock()

    @property
    def connections(self) -> int:
        """How many connections it has: 0 or 1."""
        return self._connection.connections

    @property
    def remembers(self) -> bool:
        """False while the state directory cannot be written."""
        return self._store.works

    @property
    def age(self) -> float | None:
        """Seconds since the last complete look, None before the first."""
        return None if self._polled_at is None else time.monotonic() - self._polled_at

    async def probe(self) -> ServerProbe:
        """What begins anywhere on the server; if it cannot say, the look tells why."""
        try:
            async with asyncio.timeout(self._settings.scrape.timeout):
                session = await self._connection.session()
                seen, _ = await asyncio.gather(session.query(PROBE), self._sample(session))
                return ServerProbe(*seen.rows[0])
        except (UnreachableError, psycopg.Error, TimeoutError):
            return ServerProbe(begins=True)
        finally:
            self._connection.release()

    async def poll(self) -> bool:
        """Look at everything and keep what is remembered; True while something is under way."""
        async with self._busy:
            if not self._is_restored:
                self._store.restore(self._memories)
                self._is_restored = True
            self._store.deliver_commands(self._memories)
            something_happens = await self._poll()
            self._store.save(self._memories)
        return something_happens

    async def close(self) -> None:
        """Keep what is remembered, and close the connection; a later look opens another."""
        async with self._busy:
            if self._is_restored:
                self._store.save(self._memories)
            await self._connection.close()

    async def _poll(self) -> bool:
        try:
            async with asyncio.timeout(self._settings.scrape.timeout):
                session = await self._connection.session()
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
            self._failures.record("watcher", str(error) or "no answer in time")
            return False
        finally:
            self._connection.release()
        self._failures.clear("watcher")
        self._polled_at = time.monotonic()
        return any(answers)

    async def _watch(
        self, collector: Collector[Any], session: Session, known: Capabilities
    ) -> bool:
        assert collector.watch is not None
        with self._failures.isolate(f"watch {collector.name}"):
            return await collector.watch(self._context(collector, session, known))
        return False

    async def _sample(self, session: Session) -> None:
        """What looks more often than the watcher; with nothing known of the server, nothing."""
        known = self._known
        for one in self._samplers:
            if known is not None and one.sample is not None and one.obstacle(known) is None:
                with self._failures.isolate(f"sample {one.name}"):
                    await one.sample(self._context(one, session, known))

    def _context(
        self, collector: Collector[Any], session: Session, known: Capabilities
    ) -> RunContext[Any]:
        return self._contexts.make(collector, self._memories[collector.name], session, known)
