"""The headers of every response, and the response that refuses a request."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import PlainTextResponse, Response

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


def refuse(status: HTTPStatus, reason: str, challenge: str = "Bearer") -> Response:
    """Return `reason` as plain text; 401 carries `challenge` (RFC 9110, 11.6.1)."""
    unauthorized = status == HTTPStatus.UNAUTHORIZED
    extra = {"WWW-Authenticate": challenge} if unauthorized else {}
    return PlainTextResponse(f"{reason}\n", status, {**HEADERS, **extra})
