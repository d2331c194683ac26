"""What Prometheus requests: /metrics, /probe and the targets at /sd."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.schema import ScrapeSection
from pg_migration_exporter.engine.fleet import Fleet
from pg_migration_exporter.engine.reloader import Reloader
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.metrics.exposition import Format, Renderer, choose_format
from pg_migration_exporter.metrics.own_metrics import OwnMetrics
from pg_migration_exporter.metrics.refusals import Refusals
from pg_migration_exporter.status import judgement
from pg_migration_exporter.status.judgement import Judge
from pg_migration_exporter.web.responses import refuse

TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
#: The shortest timeout of a scrape, in seconds.
_MIN_TIMEOUT = 0.05
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")


class PrometheusEndpoints:
    """The pages of metrics of a fleet, and the discovery of its targets."""

    def __init__(self, fleet: Fleet, reloader: Reloader, judge: Judge, refusals: Refusals) -> None:
        self._fleet = fleet
        self._judge = judge
        self._reloader = reloader
        self._refusals = refusals
        self._own = OwnMetrics()
        self._renderer = Renderer()

    def routes(self) -> list[Route]:
        """Return all routes."""
        return [
            Route("/metrics", self.metrics),
            Route("/probe", self.probe),
            Route("/sd", self.discovery),
        ]

    async def metrics(self, request: Request) -> Response:
        """Return the metrics of the default target, of the process and of the fleet."""
        with self._own.scrape():
            to = _format_of(request)
            default = self._fleet.default
            scraped = await self._scrape(default, request, to) if default else ""
            sources = (self._fleet, self._reloader, self._own, self._refusals)
            own = [family for source in sources for family in source.families()]
            return _metrics_page(scraped + self._renderer.render(own, to), to)

    async def probe(self, request: Request) -> Response:
        """Return the metrics of one configured target; other servers are refused."""
        names = request.query_params.getlist("target")
        if len(names) != 1:
            return refuse(HTTPStatus.BAD_REQUEST, "name one target: /probe?target=NAME")
        target = self._fleet.targets.get(names[0])
        if target is None:
            reason = "no target of this name is configured; /sd lists the targets"
            return refuse(HTTPStatus.NOT_FOUND, reason)
        with self._own.scrape():
            to = _format_of(request)
            return _metrics_page(await self._scrape(target, request, to), to)

    async def discovery(self, request: Request) -> Response:
        """Return the targets for Prometheus's http_sd."""
        targets = discover(self._reloader.settings, request.headers.get("host", ""))
        return JSONResponse(targets)

    async def _scrape(self, target: Target, request: Request, to: Format) -> str:
        timeout = scrape_timeout(request.headers, target.settings.scrape)
        scrape = await target.scrape(timeout)
        verdict = judgement.families(self._judge.judge(target, scrape))
        return target.renderer.render((*scrape.families(), *verdict), to)


def scrape_timeout(headers: Mapping[str, str], settings: ScrapeSection) -> float:
    """Return the seconds that one scrape may take: Prometheus's timeout less a margin, capped.

    A header that is not a positive number counts as absent. The margin is at most half of the
    timeout.
    """
    try:
        timeout = float(headers.get(TIMEOUT_HEADER, "nan"))
    except ValueError:
        timeout = math.nan
    if not timeout > 0:
        return settings.timeout
    margin = min(settings.timeout_offset, timeout / 2)
    return max(min(timeout - margin, settings.timeout), _MIN_TIMEOUT)


def discover(settings: Settings, host: str) -> list[dict[str, Any]]:
    """Return /metrics and a probe for each target, as the HTTP SD of Prometheus defines them.

    `host` is the Host header of the request; the configured address replaces one that is not a
    host and port. `instance` is the target's name, so that alerts name servers, not the exporter.
    """
    address = host if _HOST.fullmatch(host) else settings.listen
    scheme = {"__scheme__": "https"} if settings.web.tls_server_config.cert_file else {}
    return [
        {"targets": [address], "labels": {"__metrics_path__": "/metrics"} | scheme},
        *(
            {
                "targets": [address],
                "labels": target.labels
                | scheme
                | {
                    "__metrics_path__": "/probe",
                    "__param_target": target.name,
                    "instance": target.name,
                },
            }
            for target in settings.targets
        ),
    ]


def _format_of(request: Request) -> Format:
    return choose_format(request.headers.get("accept", ""))


def _metrics_page(text: str, to: Format) -> Response:
    return Response(text + to.end, headers={"Content-Type": to.content_type})
