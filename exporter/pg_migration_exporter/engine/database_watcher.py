"""Polls one database between scrapes, over a connection of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

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

#: Whether a poll is due: an index build, an ALTER TABLE or a wait for a lock is in progress; and
#: the databases that are being dropped, since DROP DATABASE waits five seconds for their sessions
#: to end. Anybody may run a statement with these words; only the owner has the lock on the
#: database, which is looked for if a statement has them. Covers all databases of the server, and
#: costs the same for a database of any size.
PROBE = """
select exists (select from pg_stat_get_progress_info('CREATE INDEX'))
       or exists (select from pg_stat_activity
                   where wait_event_type = 'Lock'
                      or state = 'active' and query ~* '\\malter\\M' and pid <> pg_backend_pid())
       as is_busy,
       array(select d.datname::text
               from pg_stat_activity a cross join pg_database d
              where a.state = 'active' and a.query ~* '\\mdrop\\s+database\\M'
                and a.pid <> pg_backend_pid()
                and case when strpos(a.query, d.datname) > 0
                         then exists (select from pg_locks l
                                       where l.pid = a.pid and l.locktype = 'object'
                                         and l.classid = 'pg_database'::regclass
                                         and l.objid = d.oid and l.granted
                                         and l.mode = 'AccessExclusiveLock') end) as dropped
"""


@dataclass(frozen=True, slots=True)
class ServerProbe:
    """Whether something is in progress, and the databases that are being dropped."""

    is_busy: bool
    dropped: Sequence[str] = ()


class DatabaseWatcher:
    """Polls one database; `memories` (by collector) are shared with its scrapes."""

    def __init__(
        self,
        contexts: ContextFactory,
        collectors: Sequence[Collector[Any]],
        memories: Mapping[str, Any],
        failures: FailureLog,
    ) -> None:
        settings = contexts.settings
        self._contexts = contexts
        self._watching = [item for item in collectors if item.watch is not None]
        self._sampling = [item for item in collectors if item.sample is not None]
        self._capabilities: Capabilities | None = None
        self._memories = memories
        self._timeout = settings.scrape.timeout
        self._connection = PersistentConnection(settings.postgres)
        self._store = Store(settings.state_directory, describe_server(settings.postgres))
        self._failures = failures
        self._polled_at: float | None = None
        self._is_restored = False
        self._polling = asyncio.Lock()

    @property
    def connections(self) -> int:
        """The number of open connections: 0 or 1."""
        return self._connection.connections

    @property
    def is_stored(self) -> bool:
        """False while the state directory cannot be written."""
        return self._store.works

    @property
    def age(self) -> float | None:
        """Seconds since the last complete poll; None before the first."""
        return None if self._polled_at is None else time.monotonic() - self._polled_at

    async def probe(self) -> ServerProbe:
        """Return what is in progress anywhere on the server.

        If the server does not answer, a poll is due: it records why.
        """
        try:
            async with asyncio.timeout(self._timeout):
                session = await self._connection.session()
                answer, is_due = await asyncio.gather(session.query(PROBE), self._sample(session))
                probe = ServerProbe(*answer.rows[0])
                return replace(probe, is_busy=probe.is_busy or is_due)
        except (UnreachableError, psycopg.Error, TimeoutError):
            return ServerProbe(is_busy=True)
        finally:
            self._connection.release()

    async def sample(self) -> bool:
        """Run the sampling collectors alone; True if a poll is due, or records why it failed."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._sample(await self._connection.session())
        except (UnreachableError, psycopg.Error, TimeoutError):
            return True
        finally:
            self._connection.release()

    async def poll(self) -> bool:
        """Run all watching collectors and store their memories; True while something is going on.

        The first poll restores the memories.
        """
        async with self._polling:
            if not self._is_restored:
                self._store.restore(self._memories)
                self._is_restored = True
            self._store.deliver_commands(self._memories)
            is_busy = await self._poll()
            self._store.save(self._memories)
        return is_busy

    async def close(self) -> None:
        """Store the memories and close the connection; a later poll opens another."""
        async with self._polling:
            if self._is_restored:
                self._store.save(self._memories)
            await self._connection.close()

    async def _poll(self) -> bool:
        try:
            async with asyncio.timeout(self._timeout):
                session = await self._connection.session()
                server = Capabilities.from_rows(await session.query(capabilities.SQL))
                self._capabilities = server
                *answers, _ = await asyncio.gather(
                    *(
                        self._watch(collector, session, server)
                        for collector in self._watching
                        if collector.obstacle(server) is None
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
        self, collector: Collector[Any], session: Session, server: Capabilities
    ) -> bool:
        assert collector.watch is not None
        with self._failures.isolate(f"watch {collector.name}"):
            return await collector.watch(self._context(collector, session, server))
        return False

    async def _sample(self, session: Session) -> bool:
        """Run the sampling collectors, none before the first poll; True if a poll is due."""
        server = self._capabilities
        if server is None:
            return False
        is_due = False
        for collector in self._sampling:
            if collector.sample is not None and collector.obstacle(server) is None:
                with self._failures.isolate(f"sample {collector.name}"):
                    context = self._context(collector, session, server)
                    is_due = await collector.sample(context) or is_due
        return is_due

    def _context(
        self, collector: Collector[Any], session: Session, server: Capabilities
    ) -> RunContext[Any]:
        return self._contexts.make(collector, self._memories[collector.name], session, server)
