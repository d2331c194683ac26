"""How a request is refused: a line of plain text that says why."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import PlainTextResponse, Response

from pg_migration_exporter.web.headers import HEADERS


def refuse(status: HTTPStatus, reason: str) -> Response:
    """An answer with this reason; where a token is missing, it asks for one (RFC 9110, 11.6.1)."""
    asks = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    return PlainTextResponse(f"{reason}\n", status, {**HEADERS, **asks})
