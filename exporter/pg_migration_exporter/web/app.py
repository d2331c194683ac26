"""The HTTP application: /metrics, /healthz, /readyz, the status page, and reports of runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pg_migration_exporter.config import Settings
from pg_migration_exporter.exposition import choose_format, render
from pg_migration_exporter.own_metrics import OwnMetrics
from pg_migration_exporter.scrape import Scrape, Target
from pg_migration_exporter.status.board import Board
from pg_migration_exporter.web.deadline import scrape_timeout
from pg_migration_exporter.web.headers import HEADERS
from pg_migration_exporter.web.reports import report_routes
from pg_migration_exporter.web.status import StatusPages


def create_app(settings: Settings) -> Starlette:
    """The application for one target; the target's connection lives as long as it does."""
    target, own = Target(settings), OwnMetrics()
    board = Board(lambda: [target])

    async def metrics(request: Request) -> Response:
        to = choose_format(request.headers.get("accept", ""))
        with own.scrape():
            scrape = await target.scrape(scrape_timeout(request.headers, settings.scrape))
            page = render((*scrape.families(), *own.families()), to) + to.end
        return Response(page, headers={**HEADERS, "Content-Type": to.content_type})

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=HEADERS)

    async def readyz(_: Request) -> Response:
        """Ready to say what it knows, also that the server is down: see docs/architecture.md."""
        return JSONResponse({"status": "ready", **_server(target.last)}, headers=HEADERS)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        target.start()
        yield
        await target.close()

    routes = [
        Route(path, endpoint)
        for path, endpoint in (
            ("/metrics", metrics),
            ("/healthz", healthz),
            ("/readyz", readyz),
        )
    ]
    routes += [*StatusPages(board).routes(), *report_routes(settings)]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.leave = board.close
    return app


def _server(last: Scrape | None) -> dict[str, str]:
    """What the last scrape found, for people and probes."""
    if last is None:
        return {"server": "not scraped yet"}
    return {"server": "reached" if last.reached else "not reached"}
