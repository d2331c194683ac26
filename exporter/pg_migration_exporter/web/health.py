"""/healthz and /readyz: whether the process runs, and whether its servers were reached."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pg_migration_exporter.config.schema import DEFAULT_TARGET
from pg_migration_exporter.engine.fleet import Fleet
from pg_migration_exporter.engine.target import Target


class HealthEndpoints:
    """The health endpoints of a fleet."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def routes(self) -> list[Route]:
        """Return all routes."""
        return [Route("/healthz", self.healthz), Route("/readyz", self.readyz)]

    async def healthz(self, _: Request) -> Response:
        """Return 200: the process is alive."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """Return 200, also while a server is down: that is reported too (docs/architecture.md)."""
        return JSONResponse({"status": "ready", **_readiness(self._fleet)})


def _readiness(fleet: Fleet) -> dict[str, Any]:
    """Return whether the default server was reached and, if there are more, each of them."""
    readiness: dict[str, Any] = {}
    if fleet.default is not None:
        readiness["server"] = _server_state(fleet.default)
    others = {name: target for name, target in fleet.targets.items() if name != DEFAULT_TARGET}
    if others:
        readiness["targets"] = {name: _server_state(target) for name, target in others.items()}
    return readiness


def _server_state(target: Target) -> str:
    """Return the result of the latest scrape."""
    if target.last is None:
        return "not scraped yet"
    return "reached" if target.last.reached else "not reached"
