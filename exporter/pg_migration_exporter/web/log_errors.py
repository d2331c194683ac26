"""POST /api/v1/log-errors: receives errors of the server's log from Fluent Bit."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.report_token import has_token, read_token
from pg_migration_exporter.config.schema import DEFAULT_TARGET
from pg_migration_exporter.engine.fleet import Fleet
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.liquibase.logs.log_error import (
    LOG_ERRORS_PATH,
    MAX_BYTES,
    parse_log_errors,
)
from pg_migration_exporter.web.bearer_token import authorized_body
from pg_migration_exporter.web.responses import refuse


class LogErrorEndpoint:
    """Passes errors on to a target, the default one or the one in the query (`?target=NAME`)."""

    def __init__(self, fleet: Fleet, token_file: Path | None) -> None:
        self._fleet = fleet
        self._token_file = token_file

    async def receive(self, request: Request) -> Response:
        """Return 204 if the request was read, else the reason why not.

        Entries that are no error are skipped: Fluent Bit would send them again without end.
        """
        body = await authorized_body(request, self._token_file, MAX_BYTES, "a request")
        if isinstance(body, Response):
            return body
        target = self._fleet.targets.get(request.query_params.get("target", DEFAULT_TARGET))
        if target is None:
            return refuse(HTTPStatus.NOT_FOUND, "there is no target of this name")
        try:
            errors = parse_log_errors(body)
        except ValueError as error:
            return refuse(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        target.handle_log_errors(errors)
        return Response(status_code=HTTPStatus.NO_CONTENT)


def log_error_routes(fleet: Fleet, settings: Settings) -> list[Route]:
    """Return the route if it is enabled. Raises ConfigError without a token."""
    endpoint = settings.reports.endpoint
    if not endpoint.log_errors:
        return []
    if not has_token(endpoint.token_file):
        raise ConfigError("reports.endpoint: log_errors needs a token; set token_file")
    read_token(endpoint.token_file)
    receiver = LogErrorEndpoint(fleet, endpoint.token_file)
    return [Route(LOG_ERRORS_PATH, receiver.receive, methods=["POST"])]
