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

from pg_migration_exporter.engine.fleet import Fleet
from pg_migration_exporter.engine.reloader import Reloader
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.status.cache import StatusCache
from pg_migration_exporter.status.judgement import Judge
from pg_migration_exporter.web.basic_auth import BasicAuth
from pg_migration_exporter.web.health import HealthEndpoints
from pg_migration_exporter.web.log_errors import log_error_routes
from pg_migration_exporter.web.prometheus import PrometheusEndpoints
from pg_migration_exporter.web.reports import report_routes
from pg_migration_exporter.web.responses import HEADERS, refuse
from pg_migration_exporter.web.status import StatusEndpoints


def create_app(fleet: Fleet, reloader: Reloader) -> Starlette:
    """Return the application; it opens and closes the connections of the fleet."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        fleet.start()
        yield
        await fleet.close()

    judge = Judge()
    status = StatusCache(lambda: [*fleet.targets.values()], judge)
    routes = [
        *PrometheusEndpoints(fleet, reloader, judge).routes(),
        *HealthEndpoints(fleet).routes(),
        _reload_route(reloader),
        *StatusEndpoints(status).routes(),
        *report_routes(reloader.settings),
        *log_error_routes(fleet, reloader.settings),
    ]
    login = Middleware(BasicAuth, users=lambda: reloader.settings.web.basic_auth_users)
    app = Starlette(routes=routes, middleware=[login], lifespan=lifespan)
    app.state.end_streams = status.close
    return app


def _reload_route(reloader: Reloader) -> Route:
    async def reload(_: Request) -> Response:
        """Read the configuration again; return what changed, or why nothing did."""
        try:
            changes = await reloader.reload()
        except ConfigError as error:
            return refuse(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        return PlainTextResponse(f"{changes}\n", headers=HEADERS)

    return Route("/-/reload", reload, methods=["POST"])
