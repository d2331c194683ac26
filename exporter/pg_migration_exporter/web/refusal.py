"""How a request is refused: a line of plain text that says why."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import PlainTextResponse, Response

from pg_migration_exporter.web.headers import HEADERS


def refuse(status: HTTPStatus, reason: str, challenge: str = "Bearer") -> Response:
    """An answer with this reason; the status 401 asks by `challenge` (RFC 9110, 11.6.1)."""
    asks = {"WWW-Authenticate": challenge} if status == HTTPStatus.UNAUTHORIZED else {}
    return PlainTextResponse(f"{reason}\n", status, {**HEADERS, **asks})
