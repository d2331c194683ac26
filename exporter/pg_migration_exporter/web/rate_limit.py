"""A token bucket for each client.

exporter-toolkit has one bucket for all clients: one that floods it keeps Prometheus away.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from pg_migration_exporter.config.web import RateLimitSection
from pg_migration_exporter.metrics.refusals import Reason, Refusals
from pg_migration_exporter.web.limits import client_of
from pg_migration_exporter.web.responses import refuse

#: Clients whose buckets are kept; the one that was seen least recently is forgotten.
_MAX_CLIENTS = 1000


class RateLimit:
    """ASGI middleware that refuses with 429; `limit` is called each time, because of reloads."""

    def __init__(
        self, app: ASGIApp, limit: Callable[[], RateLimitSection], refusals: Refusals
    ) -> None:
        self._app = app
        self._limit = limit
        self._refusals = refusals
        self._buckets = Buckets()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        app = self._app
        limit = self._limit()
        if scope["type"] == "http" and limit.interval:
            client = client_of(scope)
            if not self._buckets.take(client, limit, time.monotonic()):
                self._refusals.count(Reason.RATE_LIMIT, client)
                app = refuse(HTTPStatus.TOO_MANY_REQUESTS, "too many requests; try again later")
        await app(scope, receive, send)


class Buckets:
    """The buckets of all clients: tokens, and when they were counted."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, client: str, limit: RateLimitSection, now: float) -> bool:
        """Take a token of `client`; return whether it had one. `now` is in seconds."""
        tokens, counted_at = self._buckets.pop(client, (float(limit.burst), now))
        tokens = min(tokens + (now - counted_at) / limit.interval, limit.burst)
        has_token = tokens >= 1
        self._buckets[client] = (tokens - has_token, now)
        if len(self._buckets) > _MAX_CLIENTS:
            del self._buckets[next(iter(self._buckets))]
        return has_token
