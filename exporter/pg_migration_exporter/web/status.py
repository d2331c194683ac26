"""The status page at /, its live updates and static files, and its JSON API."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from pg_migration_exporter.status.cache import StatusCache
from pg_migration_exporter.status.model import STATUS_PATH
from pg_migration_exporter.web.pages import ASSETS, PageRenderer
from pg_migration_exporter.web.responses import CACHEABLE, UNBUFFERED, refuse

#: Each is a connection and a little work every two seconds.
_MAX_VIEWERS = 100
_RECONNECT_AFTER_MS = 1000


class _Viewers:
    """The open streams of events."""

    def __init__(self) -> None:
        self.count = 0

    @property
    def are_many(self) -> bool:
        """Whether no more are accepted."""
        return self.count >= _MAX_VIEWERS


class _EventStream(StreamingResponse):
    """A stream of events; it counts as a viewer from the moment that it is promised."""

    def __init__(self, content: AsyncIterator[str], viewers: _Viewers) -> None:
        super().__init__(content, media_type="text/event-stream", headers=UNBUFFERED)
        self._viewers = viewers
        viewers.count += 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream until one side ends it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._viewers.count -= 1


class StatusEndpoints:
    """The endpoints that show the status of the targets."""

    def __init__(self, cache: StatusCache) -> None:
        self._cache = cache
        self._renderer = PageRenderer()
        self._viewers = _Viewers()

    def routes(self) -> list[Route]:
        """Return all routes."""
        return [
            Route("/", self.page),
            Route("/events", self.events),
            Route(STATUS_PATH, self.api),
            Route("/static/{name}", self.asset),
        ]

    async def page(self, request: Request) -> Response:
        """Return the whole page; it can be read without JavaScript."""
        name = request.query_params.get("target")
        if self._is_unknown(name):
            known = ", ".join(self._cache.names())
            return refuse(HTTPStatus.NOT_FOUND, f"no target of this name; the targets are {known}")
        page = self._renderer.render(await self._cache.get(name), name)
        return HTMLResponse(self._renderer.document(page))

    async def api(self, request: Request) -> Response:
        """Return the status as JSON (docs/status.schema.json)."""
        name = request.query_params.get("target")
        if self._is_unknown(name):
            problem = {"error": "no target of this name", "targets": self._cache.names()}
            return JSONResponse(problem, HTTPStatus.NOT_FOUND)
        status = await self._cache.get(name)
        return Response(status.model_dump_json(), media_type="application/json")

    async def events(self, request: Request) -> Response:
        """Send changes of the page as server-sent events (HTML Living Standard, 9.2)."""
        name = request.query_params.get("target")
        if self._is_unknown(name):
            return refuse(HTTPStatus.NOT_FOUND, "no target of this name")
        if self._viewers.are_many:
            reason = f"{_MAX_VIEWERS} viewers are connected already; try again later"
            return refuse(HTTPStatus.SERVICE_UNAVAILABLE, reason)
        return _EventStream(self._stream(name), self._viewers)

    async def asset(self, request: Request) -> Response:
        """Return a static file; its name has the hash of its content."""
        asset = ASSETS.get(request.path_params["name"])
        if asset is None:
            return refuse(HTTPStatus.NOT_FOUND, "no file of this name")
        return Response(asset.content, headers=CACHEABLE, media_type=asset.type)

    async def _stream(self, name: str | None) -> AsyncIterator[str]:
        yield f"retry: {_RECONNECT_AFTER_MS}\n\n"
        shown = None
        async for status in self._cache.follow(name):
            page = self._renderer.render(status, name)
            yield f"data: {json.dumps(page.changes(shown))}\n\n"
            shown = page

    def _is_unknown(self, name: str | None) -> bool:
        return name is not None and name not in self._cache.names()
