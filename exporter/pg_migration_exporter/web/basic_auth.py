"""Basic authentication (RFC 7617) for all routes except those that need a token instead."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pg_migration_exporter.liquibase.logs.log_error import LOG_ERRORS_PATH
from pg_migration_exporter.liquibase.reports.report import REPORTS_PATH
from pg_migration_exporter.metrics.refusals import Reason, Refusals
from pg_migration_exporter.web.limits import client_of
from pg_migration_exporter.web.logins import BusyError, Logins, Users
from pg_migration_exporter.web.responses import refuse

_CHALLENGE = 'Basic realm="pg-migration-exporter", charset="UTF-8"'


class BasicAuth:
    """ASGI middleware that requires a login as one of `users`; without users, none.

    `users` is called for every request, so that a reload takes effect at once.
    """

    def __init__(self, app: ASGIApp, users: Callable[[], Users], refusals: Refusals) -> None:
        self._app = app
        self._users = users
        self._refusals = refusals
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
        client = client_of(scope)
        try:
            if login is not None and await self._logins.accept(users, *login, client):
                return None
        except BusyError:
            self._refusals.count(Reason.TOO_MANY_LOGINS, client)
            reason = "too many logins are being checked; try again later"
            return refuse(HTTPStatus.SERVICE_UNAVAILABLE, reason)
        reason = "a valid user name and password are required"
        return refuse(HTTPStatus.UNAUTHORIZED, reason, _CHALLENGE)


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
