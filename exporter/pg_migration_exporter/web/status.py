"""The status page at /, its events and its files, and the same as JSON at /api/v1/status."""

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

from pg_migration_exporter.status.cache import StatusCache
from pg_migration_exporter.status.model import STATUS_PATH
from pg_migration_exporter.web.headers import CACHEABLE, HEADERS, UNBUFFERED
from pg_migration_exporter.web.pages import ASSETS, Pages
from pg_migration_exporter.web.refusal import refuse

#: Streams at a time: each is a connection and a little work every two seconds.
_MOST_STREAMS = 100
_RECONNECT_AFTER_MS = 1000


class StatusPages:
    """The routes of everything that shows the status of a board's targets."""

    def __init__(self, board: StatusCache) -> None:
        self._board = board
        self._pages = Pages()
        self._streams = 0

    def routes(self) -> list[Route]:
        """All routes."""
        return [
            Route("/", self.page),
            Route("/events", self.events),
            Route(STATUS_PATH, self.api),
            Route("/static/{name}", self.asset),
        ]

    async def page(self, request: Request) -> Response:
        """The whole page, readable as it is."""
        name = request.query_params.get("target")
        if self._is_unknown(name):
            return refuse(
                HTTPStatus.NOT_FOUND,
                f"no target has this name; known are {', '.join(self._names())}",
            )
        page = self._pages.render(await self._board.look(name), name)
        return HTMLResponse(self._pages.document(page), headers=HEADERS)

    async def api(self, request: Request) -> Response:
        """The model as JSON: see docs/status.schema.json."""
        name = request.query_params.get("target")
        if self._is_unknown(name):
            problem = {"error": "no target has this name", "targets": self._names()}
            return JSONResponse(problem, HTTPStatus.NOT_FOUND, HEADERS)
        status = await self._board.look(name)
        return Response(status.model_dump_json(), media_type="application/json", headers=HEADERS)

    async def events(self, request: Request) -> Response:
        """What changes of the page, as server-sent events (HTML Living Standard, 9.2)."""
        name = request.query_params.get("target")
        if self._is_unknown(name):
            return refuse(HTTPStatus.NOT_FOUND, "no target has this name")
        if self._streams >= _MOST_STREAMS:
            said = f"{_MOST_STREAMS} viewers follow already"
            return refuse(HTTPStatus.SERVICE_UNAVAILABLE, said)
        headers = {**HEADERS, **UNBUFFERED}
        return StreamingResponse(
            self._stream(name), media_type="text/event-stream", headers=headers
        )

    async def asset(self, request: Request) -> Response:
        """A file of the page; its name holds the hash of what is in it."""
        asset = ASSETS.get(request.path_params["name"])
        if asset is None:
            return refuse(HTTPStatus.NOT_FOUND, "no such file")
        return Response(asset.content, headers={**HEADERS, **CACHEABLE}, media_type=asset.type)

    async def _stream(self, name: str | None) -> AsyncIterator[str]:
        self._streams += 1
        try:
            yield f"retry: {_RECONNECT_AFTER_MS}\n\n"
            shown = None
            async for status in self._board.follow(name):
                page = self._pages.render(status, name)
                yield f"data: {json.dumps(page.changes(shown))}\n\n"
                shown = page
        finally:
            self._streams -= 1

    def _is_unknown(self, name: str | None) -> bool:
        return name is not None and name not in self._names()

    def _names(self) -> list[str]:
        return self._board.names()
