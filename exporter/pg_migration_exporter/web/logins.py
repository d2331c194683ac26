"""Verifies logins with bcrypt, which is slow on purpose, so that nobody can lock others out.

One login of each client is verified at a time, the clients take turns, and a login that was
accepted before is not verified again. The threads run at a low priority: a flood of wrong logins
delays no scrape. Passwords and their bcrypt hashes are never logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import os
import secrets
import threading
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import bcrypt
from pydantic import SecretStr

#: Logins that are verified at the same time.
_MAX_CHECKS = 2
#: Logins of one client, and clients, that wait or are verified.
_MAX_LOGINS_OF_CLIENT = 10
_MAX_CLIENTS = 100
#: bcrypt ignores the rest of a password.
_BCRYPT_BYTES = 72
#: nice(1) of the threads.
_NICENESS = 10

#: Users and their bcrypt hashes.
Users = Mapping[str, SecretStr]


class BusyError(Exception):
    """Too many logins wait."""


class Logins:
    """Verifies logins, and remembers the accepted one of each user as a keyed hash."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._accepted: dict[str, bytes] = {}
        self._turns = _Turns()
        self._threads = ThreadPoolExecutor(_MAX_CHECKS, "login", _lower_priority)

    async def accept(self, users: Users, user: str, password: bytes, client: str = "") -> bool:
        """Return whether the login is valid. Raises BusyError.

        An unknown user takes as long as the known one with the slowest hash.
        """
        password = password[:_BCRYPT_BYTES]
        known = users.get(user)
        slowest = max((hashed.get_secret_value() for hashed in users.values()), key=_cost)
        stored = (known.get_secret_value() if known else slowest).encode()
        digest = self._digest(stored, user.encode(), password)
        if known and self._remembers(user, digest):
            return True
        async with self._turns.turn(client):
            # A browser requests several files at once: one check is enough.
            if known and self._remembers(user, digest):
                return True
            matches = await self._check(password, stored)
        if known and matches:
            self._accepted[user] = digest
        return matches and known is not None

    def _remembers(self, user: str, digest: bytes) -> bool:
        return hmac.compare_digest(self._accepted.get(user, b""), digest)

    def _digest(self, *login: bytes) -> bytes:
        """Return what is remembered of a login; it depends on the stored hash."""
        return hmac.digest(self._key, b":".join(login), "sha256")

    async def _check(self, password: bytes, stored: bytes) -> bool:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, bcrypt.checkpw, password, stored)


@dataclass(slots=True)
class _Line:
    """The logins of one client: one has its turn, the others wait."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    length: int = 0


class _Turns:
    """Lets clients take turns: only the first login of each waits for a thread."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self._checks = asyncio.Semaphore(_MAX_CHECKS)

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Wait for a turn of `client`. Raises BusyError."""
        line = self._lines.get(client, _Line())
        if line.length >= _MAX_LOGINS_OF_CLIENT:
            raise BusyError
        if client not in self._lines and len(self._lines) >= _MAX_CLIENTS:
            raise BusyError
        self._lines[client] = line
        line.length += 1
        try:
            async with line.turn, self._checks:
                yield
        finally:
            line.length -= 1
            if line.length == 0:
                del self._lines[client]


def _lower_priority() -> None:
    """Lower the priority of this thread alone, which Linux does for a thread's id.

    A sandbox may forbid it, as that of the systemd unit does.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def _cost(stored: str) -> str:
    """Return the cost: two digits, which sort as numbers."""
    return stored.split("$")[2]
