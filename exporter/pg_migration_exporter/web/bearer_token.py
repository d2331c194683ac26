"""The bearer token and the size limit of requests that bring data to the exporter."""

from __future__ import annotations

import hmac
import logging
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from pg_migration_exporter.config.report_token import read_token
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.web.responses import refuse

log = logging.getLogger(__name__)


async def authorized_body(
    request: Request, token_file: Path | None, limit: int, what: str
) -> bytes | Response:
    """Return the body of a request that has the token, or the response that refuses it.

    `what` names the body, for example "a report"; it has at most `limit` bytes.
    """
    if not _is_authorized(request, token_file):
        return refuse(HTTPStatus.UNAUTHORIZED, "the bearer token is missing or wrong")
    body = await read_body(request, limit)
    if body is None:
        return refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{what} has at most {limit} bytes")
    return body


def _is_authorized(request: Request, token_file: Path | None) -> bool:
    """Whether the request has the token; the reason why none can match is logged."""
    try:
        expected = read_token(token_file)
    except ConfigError as error:
        log.warning("%s is refused: %s", request.url.path, error)
        return False
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    matches = hmac.compare_digest(token.strip().encode(), expected.encode())
    return matches and scheme.lower() == "bearer"


async def read_body(request: Request, limit: int) -> bytes | None:
    """Return the body; None if it has more than `limit` bytes, even if its headers are wrong.

    Also if the client has gone, who reads no response.
    """
    body = b""
    with suppress(ClientDisconnect):
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                return None
        return body
    return None
