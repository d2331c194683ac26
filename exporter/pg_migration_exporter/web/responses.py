"""The headers of every response, and the responses that refuse a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Of every response: no other site may frame these pages or add scripts to them.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
#: Of files whose name changes with their content.
CACHEABLE = {"Cache-Control": "public, max-age=31536000, immutable"}
#: Of streams, so that nginx does not buffer them.
UNBUFFERED = {"X-Accel-Buffering": "no"}


class CommonHeaders:
    """ASGI middleware that adds `HEADERS` to responses that do not have them.

    `configured` replace these or are added; it is called for every response, because of reloads.
    """

    def __init__(self, app: ASGIApp, configured: Callable[[], Mapping[Any, str]]) -> None:
        self._app = app
        self._configured = configured

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in {**HEADERS, **self._configured()}.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def refuse(status: HTTPStatus, reason: str, challenge: str = "Bearer") -> Response:
    """Return `reason` as plain text; 401 carries `challenge` (RFC 9110, 11.6.1)."""
    unauthorized = status == HTTPStatus.UNAUTHORIZED
    extra = {"WWW-Authenticate": challenge} if unauthorized else {}
    return PlainTextResponse(f"{reason}\n", status, extra)


async def refuse_crowd(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond with 503, as an application, and end the connection."""
    response = PlainTextResponse(
        "too many connections; try again later\n",
        HTTPStatus.SERVICE_UNAVAILABLE,
        {**HEADERS, "Connection": "close"},
    )
    await response(scope, receive, send)


def as_bytes(status: HTTPStatus) -> bytes:
    """Return a response for clients whose request cannot be read."""
    body = f"{status.phrase}\n"
    headers = HEADERS | {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", body]).encode()
