"""The one connection of a user: opened when needed, kept, replaced when it is stuck.

There is never a second connection at the same time. While statements of the last user have no
result, the next one waits and the server is requested to cancel them; only after `_STUCK_AFTER` is
the connection closed and replaced.
"""

from __future__ import annotations

import asyncio
import time

import psycopg

from pg_migration_exporter.config.schema import PostgresSection
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.postgres.conninfo import build_conninfo, describe_server
from pg_migration_exporter.postgres.pooler import SuperuserRefusedError, open_session
from pg_migration_exporter.postgres.session import Session

#: Seconds.
_STUCK_AFTER = 30.0
_CANCEL_TIMEOUT = 5.0
_MIN_RETRY_PAUSE = 0.1
_MAX_RETRY_PAUSE = 1.0


class UnreachableError(Exception):
    """The server cannot be reached now; the text names the server and the reason."""


class PersistentConnection:
    """Gives its session to one user at a time: `session`, then `release`."""

    def __init__(self, settings: PostgresSection) -> None:
        self._settings = settings
        self._session: Session | None = None
        self._cancelling: asyncio.Task[None] | None = None
        self._busy_since: float | None = None
        self._pause = 0.0
        self._failed_at = 0.0
        #: Whether the role is a superuser, refused or not; None before the server first said it.
        self.is_superuser: bool | None = None

    @property
    def connections(self) -> int:
        """Number of open connections: 0 or 1."""
        return int(self._session is not None and self._session.is_open)

    @property
    def is_pooled(self) -> bool | None:
        """Whether it goes through a connection pooler; None before it is first opened."""
        return None if self._session is None else self._session.is_pooled

    async def session(self) -> Session:
        """Return the session, connected and idle.

        Raises UnreachableError; the caller sets the timeout.
        """
        session = self._session
        if session is not None and session.is_open:
            if session.is_idle or not self._is_stuck():
                await session.wait_until_idle()
            if session.is_open and session.is_idle:
                self._busy_since = None
                return session
            await session.close()
        self._session = await self._connect()
        return self._session

    def release(self) -> None:
        """End the use of the session: cancel in the background what is still running."""
        session = self._session
        if session is None or session.is_idle:
            return
        if self._busy_since is None:
            self._busy_since = time.monotonic()
        if self._cancelling is None or self._cancelling.done():
            self._cancelling = asyncio.create_task(session.cancel(_CANCEL_TIMEOUT))

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
                session = await open_session(self._settings, conninfo)
        except (psycopg.Error, TimeoutError, ConfigError, OSError) as error:
            if isinstance(error, SuperuserRefusedError):
                self.is_superuser = True
            raise self._unreachable(error) from error
        self.is_superuser = session.is_superuser
        self._pause = 0.0
        return session

    def _unreachable(self, error: Exception) -> UnreachableError:
        self._pause = min(max(self._pause * 2, _MIN_RETRY_PAUSE), _MAX_RETRY_PAUSE)
        text = str(error).strip() or f"no answer in {self._settings.connect_timeout:g} s"
        self._failed_at = time.monotonic()
        return UnreachableError(f"{describe_server(self._settings)}: {text}")
