"""The HTTP application: targets and their discovery, status, reload, reports of runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pg_migration_exporter.engine.fleet import Fleet
from pg_migration_exporter.engine.reloader import Reloader
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.metrics.exposition import choose_format, render
from pg_migration_exporter.metrics.families import FamilySamples
from pg_migration_exporter.metrics.own_metrics import OwnMetrics
from pg_migration_exporter.status.cache import StatusCache
from pg_migration_exporter.web.basic_auth import BasicAuth
from pg_migration_exporter.web.deadline import scrape_timeout
from pg_migration_exporter.web.discovery import discover
from pg_migration_exporter.web.headers import HEADERS
from pg_migration_exporter.web.readiness import describe_readiness
from pg_migration_exporter.web.refusal import refuse
from pg_migration_exporter.web.reports import report_routes
from pg_migration_exporter.web.status import StatusPages


class Pages:
    """What is behind each path."""

    def __init__(self, fleet: Fleet, reloader: Reloader) -> None:
        self._fleet = fleet
        self._reloader = reloader
        self._own = OwnMetrics()

    async def metrics(self, request: Request) -> Response:
        """The default target, and what the process says of itself and of all targets."""
        with self._own.scrape():
            found = await _scrape(self._fleet.default, request) if self._fleet.default else ()
            about = (*self._fleet.families(), *self._reloader.families(), *self._own.families())
            return _page(request, (*found, *about))

    async def probe(self, request: Request) -> Response:
        """One target, by its name: no other server can be asked for."""
        names = request.query_params.getlist("target")
        if len(names) != 1:
            return refuse(HTTPStatus.BAD_REQUEST, "say which target: /probe?target=NAME")
        target = self._fleet.targets.get(names[0])
        if target is None:
            said = "no target of this name is configured; /sd lists those that are"
            return refuse(HTTPStatus.NOT_FOUND, said)
        with self._own.scrape():
            return _page(request, await _scrape(target, request))

    async def discovery(self, request: Request) -> Response:
        """The targets for Prometheus's http_sd."""
        found = discover(self._reloader.settings, request.headers.get("host", ""))
        return JSONResponse(found, headers=HEADERS)

    async def reload(self, _: Request) -> Response:
        """Read the configuration again; what changed, or why nothing did."""
        try:
            said = await self._reloader.reload()
        except ConfigError as error:
            return refuse(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        return PlainTextResponse(f"{said}\n", headers=HEADERS)

    async def healthz(self, _: Request) -> Response:
        """The process is alive."""
        return JSONResponse({"status": "ok"}, headers=HEADERS)

    async def readyz(self, _: Request) -> Response:
        """Ready to say what it knows, also that the server is down: see docs/architecture.md."""
        return JSONResponse({"status": "ready", **describe_readiness(self._fleet)}, headers=HEADERS)


def create_app(fleet: Fleet, reloader: Reloader) -> Starlette:
    """The application; the connections of the fleet live as long as it does."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        fleet.start()
        yield
        await fleet.close()

    pages, board = Pages(fleet, reloader), StatusCache(lambda: [*fleet.targets.values()])
    routes = [
        Route("/metrics", pages.metrics),
        Route("/probe", pages.probe),
        Route("/sd", pages.discovery),
        Route("/-/reload", pages.reload, methods=["POST"]),
        Route("/healthz", pages.healthz),
        Route("/readyz", pages.readyz),
        *StatusPages(board).routes(),
        *report_routes(reloader.settings),
    ]
    login = Middleware(BasicAuth, users=lambda: reloader.settings.web.basic_auth_users)
    app = Starlette(routes=routes, middleware=[login], lifespan=lifespan)
    app.state.leave = board.close
    return app


async def _scrape(target: Target, request: Request) -> tuple[FamilySamples, ...]:
    timeout = scrape_timeout(request.headers, target.settings.scrape)
    return tuple((await target.scrape(timeout)).families())


def _page(request: Request, families: Iterable[FamilySamples]) -> Response:
    to = choose_format(request.headers.get("accept", ""))
    page = render(families, to) + to.end
    return Response(page, headers={**HEADERS, "Content-Type": to.content_type})
