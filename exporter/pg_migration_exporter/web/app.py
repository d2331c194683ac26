"""The HTTP application: /metrics, /healthz, /readyz, the status API, an index page, reports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from pg_migration_exporter.config import Settings
from pg_migration_exporter.exposition import choose_format, render
from pg_migration_exporter.own_metrics import OwnMetrics
from pg_migration_exporter.scrape import Scrape, Target
from pg_migration_exporter.web.deadline import scrape_timeout
from pg_migration_exporter.web.index import index_page
from pg_migration_exporter.web.reports import report_routes

#: Nothing on these pages is anybody else's to frame, script or cache.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def create_app(settings: Settings) -> Starlette:
    """The application for one target; the target's connection lives as long as it does."""
    target, own = Target(settings), OwnMetrics()

    async def metrics(request: Request) -> Response:
        to = choose_format(request.headers.get("accept", ""))
        with own.scrape():
            scrape = await target.scrape(scrape_timeout(request.headers, settings.scrape))
            page = render((*scrape.families(), *own.families()), to) + to.end
        return Response(page, headers={**_HEADERS, "Content-Type": to.content_type})

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=_HEADERS)

    async def readyz(_: Request) -> Response:
        """Ready to say what it knows, also that the server is down: see docs/architecture.md."""
        return JSONResponse({"status": "ready", **_server(target.last)}, headers=_HEADERS)

    async def index(_: Request) -> Response:
        return HTMLResponse(index_page(_server(target.last)), headers=_HEADERS)

    async def status(_: Request) -> Response:
        return JSONResponse({**_server(target.last), **target.status()}, headers=_HEADERS)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        target.start()
        yield
        await target.close()

    routes = [
        Route(path, endpoint)
        for path, endpoint in (
            ("/", index),
            ("/metrics", metrics),
            ("/healthz", healthz),
            ("/readyz", readyz),
            ("/api/v1/status", status),
        )
    ]
    return Starlette(routes=[*routes, *report_routes(settings)], lifespan=lifespan)


def _server(last: Scrape | None) -> dict[str, str]:
    """What the last scrape found, for people and probes."""
    if last is None:
        return {"server": "not scraped yet"}
    return {"server": "reached" if "server" in last.answered else "not reached"}
