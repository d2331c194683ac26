"""Which database and which history Liquibase is given, and how to reach that database."""

from __future__ import annotations

from pg_migration_exporter.liquibase.report import RunTarget
from pg_migration_exporter.liquibase.wrapper.given import Given
from pg_migration_exporter.liquibase.wrapper.jdbc import JdbcUrl, parse_jdbc_url

_APPLICATION_NAME = "pg-migration-exporter run"
#: Seconds and milliseconds: a report must never wait long, nor make anybody wait.
_CONNECT_TIMEOUT = "3"
_SHORTEST_SECRET = 4
_OPTIONS = "-c statement_timeout=2000 -c lock_timeout=1000 -c search_path=pg_catalog"


def read_target(given: Given) -> RunTarget:
    """The target without anything secret; what is not given is Liquibase's default."""
    url = _url(given)
    if url is None:
        return RunTarget()
    user = given.find("username") or url.parameters.get("user") or ""
    schema = (
        given.find("liquibase-schema-name")
        or given.find("default-schema-name")
        or url.parameters.get("currentSchema", "").partition(",")[0]
        or "public"
    )
    table = given.find("database-changelog-table-name") or "databasechangelog"
    return RunTarget(
        servers=tuple(f"{host}:{port}" for host, port in url.servers),
        database=url.database or user,
        changelog=f"{schema}.{table.lower()}",
    )


def read_conninfo(given: Given) -> str:
    """A libpq connection string with the password in it: never log it.

    Raises ValueError where none can be made.
    """
    url = _url(given)
    if url is None:
        raise ValueError(
            "Liquibase is given no URL of a PostgreSQL database that can be read here; "
            "set reports.dsn"
        )
    return url.conninfo(given.find("username"), given.find("password"), **REPORTING)


#: What keeps a connection for reports harmless.
REPORTING: dict[str, str] = {
    "application_name": _APPLICATION_NAME,
    "connect_timeout": _CONNECT_TIMEOUT,
    "options": _OPTIONS,
}


def known_secrets(given: Given) -> tuple[str, ...]:
    """Texts that must appear nowhere."""
    url = _url(given)
    candidates = (given.find("password"), url and url.parameters.get("password"))
    return tuple(one for one in candidates if one and len(one) >= _SHORTEST_SECRET)


def _url(given: Given) -> JdbcUrl | None:
    return parse_jdbc_url(given.find("url") or "")
