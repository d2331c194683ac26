"""The HTTP application: every route, its login, and the lifetime of the fleet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pg_migration_exporter.config.web import WebSection
from pg_migration_exporter.engine.fleet import Fleet
from pg_migration_exporter.engine.reloader import Reloader
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.metrics.refusals import Refusals
from pg_migration_exporter.status.cache import StatusCache
from pg_migration_exporter.status.judgement import Judge
from pg_migration_exporter.web.basic_auth import BasicAuth
from pg_migration_exporter.web.health import HealthEndpoints
from pg_migration_exporter.web.log_errors import log_error_routes
from pg_migration_exporter.web.prometheus import PrometheusEndpoints
from pg_migration_exporter.web.rate_limit import RateLimit
from pg_migration_exporter.web.reports import report_routes
from pg_migration_exporter.web.responses import HEADERS, CommonHeaders, refuse
from pg_migration_exporter.web.status import StatusEndpoints


def create_app(fleet: Fleet, reloader: Reloader, refusals: Refusals) -> Starlette:
    """Return the application; it opens and closes the connections of the fleet."""

    def web() -> WebSection:
        return reloader.settings.web

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        fleet.start()
        yield
        await fleet.close()

    judge = Judge()
    status = StatusCache(lambda: [*fleet.targets.values()], judge)
    routes = [
        *PrometheusEndpoints(fleet, reloader, judge, refusals).routes(),
        *HealthEndpoints(fleet).routes(),
        _reload_route(reloader),
        *StatusEndpoints(status).routes(),
        *report_routes(reloader.settings),
        *log_error_routes(fleet, reloader.settings),
    ]
    middleware = [
        Middleware(CommonHeaders, configured=lambda: {**web().http_server_config.headers}),
        Middleware(RateLimit, limit=lambda: web().rate_limit, refusals=refusals),
        Middleware(BasicAuth, users=lambda: web().basic_auth_users, refusals=refusals),
    ]
    app = Starlette(
        routes=routes,
        middleware=middleware,
        exception_handlers={Exception: _report_bug},
        lifespan=lifespan,
    )
    app.state.end_streams = status.close
    return app


def _reload_route(reloader: Reloader) -> Route:
    async def reload(request: Request) -> Response:
        """Read the configuration again; return what changed, or why nothing did.

        Not for a browser, which says for which page it posts. That it is a page of this host proves
        nothing: the name of another site may be made to mean this address (DNS rebinding).
        """
        if "origin" in request.headers:
            return refuse(HTTPStatus.FORBIDDEN, "pages of browsers must not do this")
        try:
            changes = await reloader.reload()
        except ConfigError as error:
            return refuse(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        return PlainTextResponse(f"{changes}\n")

    return Route("/-/reload", reload, methods=["POST"])


def _report_bug(_: Request, __: Exception) -> Response:
    """Respond outside of all middleware; uvicorn logs the exception."""
    return PlainTextResponse(
        "internal error; the exporter's log says more\n",
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HEADERS,
    )
