"""Basic authentication (RFC 7617) before all routes but the one that has a token of its own.

bcrypt is slow on purpose. So it runs in threads, few at a time, and what was accepted is
remembered, as a keyed hash; neither a password nor its bcrypt hash is ever logged.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus

import bcrypt
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pg_migration_exporter.liquibase.reports.report import REPORTS_PATH
from pg_migration_exporter.web.refusal import refuse

_CHALLENGE = 'Basic realm="pg-migration-exporter", charset="UTF-8"'
#: Checks at a time, and how many more may wait for their turn.
_CHECKS, _WAITING = 2, 50
#: Accepted logins that are remembered.
_REMEMBERED = 100
#: bcrypt reads no more of a password; its tools cut what is longer.
_BCRYPT_BYTES = 72

#: Users and their bcrypt hashes.
Users = Mapping[str, SecretStr]


class BusyError(Exception):
    """More logins wait to be checked than may."""


class BasicAuth:
    """ASGI middleware: lets through who logs in as one of `users`, and all if there are none.

    `users` is asked at every request, so that a reload takes effect at once.
    """

    def __init__(self, app: ASGIApp, users: Callable[[], Users]) -> None:
        self._app = app
        self._users = users
        self._logins = Logins()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 in the place of the application, or let it answer."""
        refusal = await self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        users = self._users()
        # A report shows its token, and there is one Authorization header.
        if not users or scope["path"] == REPORTS_PATH:
            return None
        login = _read_login(Headers(scope=scope).get("authorization", ""))
        try:
            if login is not None and await self._logins.accept(users, *login):
                return None
        except BusyError:
            said = "too many logins are being checked; ask again later"
            return refuse(HTTPStatus.SERVICE_UNAVAILABLE, said)
        said = "a user name and its password are needed"
        return refuse(HTTPStatus.UNAUTHORIZED, said, _CHALLENGE)


class Logins:
    """Checks logins, and remembers those that were right."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._accepted: dict[bytes, None] = {}
        self._turn = asyncio.Semaphore(_CHECKS)
        self._pending = 0

    async def accept(self, users: Users, user: str, password: bytes) -> bool:
        """Whether the login is right. Raises BusyError.

        An unknown user costs as much time as the dearest known one.
        """
        known = users.get(user)
        dearest = max((one.get_secret_value() for one in users.values()), key=_cost)
        stored = (known.get_secret_value() if known else dearest).encode()
        seen = self._digest(stored, user.encode(), password) if known else None
        if seen in self._accepted:
            return True
        if self._pending >= _CHECKS + _WAITING:
            raise BusyError
        self._pending += 1
        try:
            fits = await self._check(seen, password, stored)
        finally:
            self._pending -= 1
        if fits and seen is not None:
            self._remember(seen)
        return fits and seen is not None

    def _digest(self, *login: bytes) -> bytes:
        """What is remembered of a login: one whose hash has changed is not the same."""
        return hmac.digest(self._key, b":".join(login), "sha256")

    async def _check(self, seen: bytes | None, password: bytes, stored: bytes) -> bool:
        async with self._turn:
            # A page asks for several files at once; the first answer is that of all.
            return seen in self._accepted or await asyncio.to_thread(
                bcrypt.checkpw, password[:_BCRYPT_BYTES], stored
            )

    def _remember(self, seen: bytes) -> None:
        if len(self._accepted) >= _REMEMBERED:
            del self._accepted[next(iter(self._accepted))]
        self._accepted[seen] = None


def _read_login(header: str) -> tuple[str, bytes] | None:
    """User and password of an Authorization header; None if it holds none that could be right."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon and b"\0" not in password else None
    except (binascii.Error, ValueError):
        return None


def _cost(stored: str) -> str:
    """Two digits, which sort as their number does."""
    return stored.split("$")[2]
