"""The one connection that scrapes use: opened when needed, kept, given up when it is stuck.

There is never a second connection beside it. One whose last statements have not been answered is
waited for, with requests to cancel them; only after `_STUCK_AFTER` is it closed and replaced.
"""

from __future__ import annotations

import asyncio
import time

import psycopg

from pg_migration_exporter.config.schema import PostgresSection
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.postgres.conninfo import build_conninfo, describe_server
from pg_migration_exporter.postgres.session import Session

_STUCK_AFTER = 30.0
_CANCEL_FOR = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0


class UnreachableError(Exception):
    """The server cannot be reached now; the text says which server and why."""


class Link:
    """Lends the session for one scrape at a time."""

    def __init__(self, settings: PostgresSection) -> None:
        self._settings = settings
        self._session: Session | None = None
        self._cancelling: asyncio.Task[None] | None = None
        self._busy_since: float | None = None
        self._pause = 0.0
        self._failed_at = 0.0

    @property
    def connections(self) -> int:
        """How many connections there are now: 0 or 1."""
        return int(self._session is not None and self._session.is_open)

    async def session(self) -> Session:
        """The session, connected and with nothing under way.

        Raises UnreachableError; the caller bounds the time.
        """
        session = self._session
        if session is not None and session.is_open:
            if session.is_idle or not self._is_stuck():
                await session.drained()
            if session.is_open and session.is_idle:
                self._busy_since = None
                return session
            await session.close()
        self._session = await self._connect()
        return self._session

    def release(self) -> None:
        """The scrape is over: cancel in the background what it left running."""
        session = self._session
        if session is None or session.is_idle:
            return
        if self._busy_since is None:
            self._busy_since = time.monotonic()
        if self._cancelling is None or self._cancelling.done():
            self._cancelling = asyncio.create_task(session.cancel(_CANCEL_FOR))

    async def close(self) -> None:
        """Close the connection."""
        if self._cancelling is not None:
            self._cancelling.cancel()
            await asyncio.wait([self._cancelling])
        if self._session is not None:
            await self._session.close()

    def _is_stuck(self) -> bool:
        return self._busy_since is not None and time.monotonic() - self._busy_since > _STUCK_AFTER

    async def _connect(self) -> Session:
        self._busy_since = None
        await asyncio.sleep(self._failed_at + self._pause - time.monotonic())
        try:
            conninfo = await build_conninfo(self._settings)
            async with asyncio.timeout(self._settings.connect_timeout):
                session = await Session.open(conninfo)
        except (psycopg.Error, TimeoutError, ConfigError, OSError) as error:
            raise self._failed(error) from error
        self._pause = 0.0
        return session

    def _failed(self, error: Exception) -> UnreachableError:
        self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        text = str(error).strip() or f"no answer in {self._settings.connect_timeout:g} s"
        self._failed_at = time.monotonic()
        return UnreachableError(f"{describe_server(self._settings)}: {text}")
