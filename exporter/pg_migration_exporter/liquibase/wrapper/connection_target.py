"""The database and history that Liquibase migrates, and how to connect to that database."""

from __future__ import annotations

from pg_migration_exporter.liquibase.reports.report import RunTarget
from pg_migration_exporter.liquibase.wrapper.jdbc import JdbcUrl, parse_jdbc_url
from pg_migration_exporter.liquibase.wrapper.options import LiquibaseOptions

#: libpq parameters of a connection for reports: it never waits long and blocks nobody.
REPORTING: dict[str, str] = {
    "application_name": "pg-migration-exporter run",
    "connect_timeout": "3",
    "options": "-c statement_timeout=2000 -c lock_timeout=1000 -c search_path=pg_catalog,pg_temp",
}

#: Characters; a shorter password would match parts of ordinary words.
_SHORTEST_SECRET = 4


def read_target(options: LiquibaseOptions) -> RunTarget:
    """Return the target, without secrets; what is not set is Liquibase's default."""
    url = _url(options)
    file = options.find("changelog-file") or ""
    if url is None:
        return RunTarget(changelog_file=file)
    user = options.find("username") or url.parameters.get("user") or ""
    schema = (
        options.find("liquibase-schema-name")
        or options.find("default-schema-name")
        or url.parameters.get("currentSchema", "").partition(",")[0]
        or "public"
    )
    table = options.find("database-changelog-table-name") or "databasechangelog"
    return RunTarget(
        servers=tuple(f"{host}:{port}" for host, port in url.servers),
        database=url.database or user,
        changelog=f"{schema}.{table.lower()}",
        changelog_file=file,
    )


def read_conninfo(options: LiquibaseOptions) -> str:
    """Return a libpq connection string. It contains the password: never log it.

    Raises ValueError without a usable URL.
    """
    url = _url(options)
    if url is None:
        raise ValueError(
            "Liquibase has no URL of a PostgreSQL database that can be read here; set reports.dsn"
        )
    return url.conninfo(options.find("username"), options.find("password"), **REPORTING)


def known_secrets(options: LiquibaseOptions) -> tuple[str, ...]:
    """Return the texts that must not appear in reports and messages."""
    url = _url(options)
    candidates = (options.find("password"), url and url.parameters.get("password"))
    return tuple(text for text in candidates if text and len(text) >= _SHORTEST_SECRET)


def _url(options: LiquibaseOptions) -> JdbcUrl | None:
    return parse_jdbc_url(options.find("url") or "")
