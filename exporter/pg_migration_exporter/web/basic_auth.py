"""Basic authentication (RFC 7617) for all routes except those that need a token instead.

bcrypt is slow on purpose: it runs in threads, a few at a time, and accepted logins are remembered
as keyed hashes. Passwords and their bcrypt hashes are never logged.
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

from pg_migration_exporter.liquibase.logs.log_error import LOG_ERRORS_PATH
from pg_migration_exporter.liquibase.reports.report import REPORTS_PATH
from pg_migration_exporter.web.responses import refuse

_CHALLENGE = 'Basic realm="pg-migration-exporter", charset="UTF-8"'
#: Logins that are checked at the same time.
_MAX_CHECKS = 2
#: Logins that may wait for a check.
_MAX_WAITING = 50
#: Accepted logins that are remembered.
_MAX_REMEMBERED = 100
#: bcrypt ignores the rest of a password.
_BCRYPT_BYTES = 72

#: Users and their bcrypt hashes.
Users = Mapping[str, SecretStr]


class BusyError(Exception):
    """Too many logins wait for a check."""


class BasicAuth:
    """ASGI middleware that requires a login as one of `users`; without users, none.

    `users` is called for every request, so that a reload takes effect at once.
    """

    def __init__(self, app: ASGIApp, users: Callable[[], Users]) -> None:
        self._app = app
        self._users = users
        self._logins = Logins()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the application, or respond with 401 or 503."""
        refusal = await self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        users = self._users()
        # These requests have their token in the Authorization header.
        if not users or scope["path"] in {REPORTS_PATH, LOG_ERRORS_PATH}:
            return None
        login = _read_login(Headers(scope=scope).get("authorization", ""))
        try:
            if login is not None and await self._logins.accept(users, *login):
                return None
        except BusyError:
            reason = "too many logins are being checked; try again later"
            return refuse(HTTPStatus.SERVICE_UNAVAILABLE, reason)
        reason = "a valid user name and password are required"
        return refuse(HTTPStatus.UNAUTHORIZED, reason, _CHALLENGE)


class Logins:
    """Checks logins, and remembers the accepted ones."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._accepted: dict[bytes, None] = {}
        self._checks = asyncio.Semaphore(_MAX_CHECKS)
        self._pending = 0

    async def accept(self, users: Users, user: str, password: bytes) -> bool:
        """Return whether the login is valid. Raises BusyError.

        An unknown user takes as long as the known one with the slowest hash.
        """
        known = users.get(user)
        slowest = max((hashed.get_secret_value() for hashed in users.values()), key=_cost)
        stored = (known.get_secret_value() if known else slowest).encode()
        digest = self._digest(stored, user.encode(), password) if known else None
        if digest in self._accepted:
            return True
        if self._pending >= _MAX_CHECKS + _MAX_WAITING:
            raise BusyError
        self._pending += 1
        try:
            matches = await self._check(digest, password, stored)
        finally:
            self._pending -= 1
        if digest is None or not matches:
            return False
        self._remember(digest)
        return True

    def _digest(self, *login: bytes) -> bytes:
        """Return what is remembered of a login; it depends on the stored hash."""
        return hmac.digest(self._key, b":".join(login), "sha256")

    async def _check(self, digest: bytes | None, password: bytes, stored: bytes) -> bool:
        async with self._checks:
            # A browser requests several files at once: one check is enough.
            return digest in self._accepted or await asyncio.to_thread(
                bcrypt.checkpw, password[:_BCRYPT_BYTES], stored
            )

    def _remember(self, digest: bytes) -> None:
        if len(self._accepted) >= _MAX_REMEMBERED:
            del self._accepted[next(iter(self._accepted))]
        self._accepted[digest] = None


def _read_login(header: str) -> tuple[str, bytes] | None:
    """Return user and password of an Authorization header; None if it has no valid ones."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon and b"\0" not in password else None
    except (binascii.Error, ValueError):
        return None


def _cost(stored: str) -> str:
    """Return the cost: two digits, which sort as numbers."""
    return stored.split("$")[2]
