"""Where reports are sent: a shared directory, a table, the exporter's HTTP endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import psycopg
from psycopg import errors
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from pg_migration_exporter.config.dsn import check_dsn
from pg_migration_exporter.config.report_token import read_token
from pg_migration_exporter.config.schema import ReportsSection
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.http_client import connection
from pg_migration_exporter.liquibase.reports import table as report_table
from pg_migration_exporter.liquibase.reports.directory import ReportDirectory
from pg_migration_exporter.liquibase.reports.report import REPORTS_PATH, Report
from pg_migration_exporter.liquibase.wrapper.connection_target import REPORTING, read_conninfo
from pg_migration_exporter.liquibase.wrapper.options import LiquibaseOptions

#: Seconds for each step of a request.
_HTTP_TIMEOUT = 3.0


#: The table, or its schema, is missing or not granted.
_NOT_MADE = (errors.UndefinedTable, errors.InvalidSchemaName, errors.InsufficientPrivilege)


class Sink(Protocol):
    """One destination; `name` is for messages. `send` may take seconds and raise any Exception."""

    @property
    def name(self) -> str:
        """The name for messages."""

    def send(self, report: Report) -> None:
        """Deliver durably; replaces earlier reports of the same run."""


@dataclass(frozen=True, slots=True)
class DirectorySink:
    """A directory that the exporter also reads."""

    path: Path

    @property
    def name(self) -> str:
        """The directory's path."""
        return str(self.path)

    def send(self, report: Report) -> None:
        """Save the report as a file."""
        ReportDirectory(self.path).save(report)


@dataclass(slots=True)
class TableSink:
    """The table in the migrated database, over one connection opened on first use."""

    conninfo: Callable[[], str]
    name: str = f"table {report_table.TABLE}"
    _connection: psycopg.Connection | None = field(default=None, repr=False)

    def send(self, report: Report) -> None:
        """Write the report's row."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.conninfo(), autocommit=True)
        try:
            with self._connection.transaction():
                self._write(self._connection, report)
        except _NOT_MADE as error:
            raise ConfigError(
                f"{error.diag.message_primary}: `pg-migration-exporter reports create-table` "
                "creates the table and grants it"
            ) from error

    @staticmethod
    def _write(connection: psycopg.Connection, report: Report) -> None:
        """Write to the table unless somebody else made it. Raises ConfigError."""
        connection.execute(report_table.LOCK.encode())
        found = connection.execute(report_table.READ_OBSTACLE.encode()).fetchone()
        if found is None or found[0] is not None:
            why = found[0] if found else "was replaced"
            raise ConfigError(f"it {why}: drop it, and create it with `reports create-table`")
        connection.execute(report_table.WRITE.encode(), report_table.write_parameters(report))


def _conninfo(dsn: SecretStr | None, options: LiquibaseOptions) -> str:
    if dsn is None:
        return read_conninfo(options)
    check_dsn(dsn, "reports.dsn")
    return make_conninfo(dsn.get_secret_value(), **REPORTING)


@dataclass(frozen=True, slots=True)
class EndpointSink:
    """The exporter's HTTP endpoint. Redirects are not followed, so the token goes nowhere else."""

    url: str
    token_file: Path | None

    @property
    def name(self) -> str:
        """The exporter's address."""
        return self.url

    def send(self, report: Report) -> None:
        """Post the report. Raises OSError or ConfigError."""
        url = urlsplit(self.url)
        assert url.hostname is not None
        to_exporter = connection(url.scheme, url.hostname, url.port, _HTTP_TIMEOUT)
        headers = {
            "Authorization": f"Bearer {read_token(self.token_file)}",
            "Content-Type": "application/json",
        }
        try:
            path = url.path.rstrip("/") + REPORTS_PATH
            to_exporter.request("POST", path, report.model_dump_json().encode(), headers)
            answer = to_exporter.getresponse()
            if answer.status != HTTPStatus.NO_CONTENT:
                raise OSError(f"status {answer.status} {answer.reason}")
        finally:
            to_exporter.close()


def configured_sinks(settings: ReportsSection, options: LiquibaseOptions) -> Iterator[Sink]:
    """Yield every configured sink."""
    if settings.directory is not None:
        yield DirectorySink(settings.directory)
    if settings.table:
        yield TableSink(lambda: _conninfo(settings.dsn, options))
    if settings.endpoint.url is not None:
        yield EndpointSink(settings.endpoint.url, settings.endpoint.token_file)
