"""POST /api/v1/reports: receives the reports of the wrapper; a bearer token is required."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.report_token import has_token, read_token
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.liquibase.reports.directory import ReportDirectory
from pg_migration_exporter.liquibase.reports.report import (
    MAX_BYTES,
    REPORTS_PATH,
    Report,
    parse_report,
)
from pg_migration_exporter.web.bearer_token import authorized_body
from pg_migration_exporter.web.responses import refuse

log = logging.getLogger(__name__)


class ReportEndpoint:
    """Stores reports in a directory, durably before it responds."""

    def __init__(self, directory: ReportDirectory, token_file: Path | None) -> None:
        self._directory = directory
        self._token_file = token_file
        self._saving = asyncio.Lock()

    async def receive(self, request: Request) -> Response:
        """Return 204 if the report was stored, else the reason why not."""
        body = await authorized_body(request, self._token_file, MAX_BYTES, "a report")
        if isinstance(body, Response):
            return body
        try:
            report = parse_report(body)
        except ValueError as error:
            return refuse(HTTPStatus.UNPROCESSABLE_ENTITY, f"not a report: {error}")
        try:
            async with self._saving:
                await asyncio.to_thread(self._store, report)
        except OSError as error:
            log.warning("a report cannot be stored in %s: %s", self._directory.path, error)
            return refuse(HTTPStatus.INSUFFICIENT_STORAGE, "the report cannot be stored")
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def _store(self, report: Report) -> None:
        """Store a report, unless a later one of the same run has arrived before."""
        known = self._directory.find(report)
        if known is None or not known.is_newer(report):
            self._directory.save(report)


def report_routes(settings: Settings) -> list[Route]:
    """Return the route; none without a token. Raises ConfigError without a directory."""
    token_file = settings.reports.endpoint.token_file
    if not has_token(token_file):
        return []
    read_token(token_file)
    if not settings.report_directories:
        raise ConfigError(
            "reports.endpoint: there is a token, but no directory for the reports; set "
            "state_directory"
        )
    endpoint = ReportEndpoint(ReportDirectory(settings.report_directories[0]), token_file)
    return [Route(REPORTS_PATH, endpoint.receive, methods=["POST"])]
