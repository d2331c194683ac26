"""Which database and which history Liquibase is given, and how to reach that database."""

from __future__ import annotations

from pg_migration_exporter.liquibase.reports.report import RunTarget
from pg_migration_exporter.liquibase.wrapper.jdbc import JdbcUrl, parse_jdbc_url
from pg_migration_exporter.liquibase.wrapper.options import LiquibaseOptions

#: libpq's parameters of a connection for reports: it never waits long, nor makes anybody wait.
REPORTING: dict[str, str] = {
    "application_name": "pg-migration-exporter run",
    "connect_timeout": "3",
    "options": "-c statement_timeout=2000 -c lock_timeout=1000 -c search_path=pg_catalog",
}

#: Characters; a shorter password would be found in every other word.
_SHORTEST_SECRET = 4


def read_target(given: LiquibaseOptions) -> RunTarget:
    """The target without anything secret; what is not given is Liquibase's default."""
    url = _url(given)
    file = given.find("changelog-file") or ""
    if url is None:
        return RunTarget(changelog_file=file)
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
        changelog_file=file,
    )


def read_conninfo(given: LiquibaseOptions) -> str:
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


def known_secrets(given: LiquibaseOptions) -> tuple[str, ...]:
    """Texts that must appear nowhere."""
    url = _url(given)
    candidates = (given.find("password"), url and url.parameters.get("password"))
    return tuple(one for one in candidates if one and len(one) >= _SHORTEST_SECRET)


def _url(given: LiquibaseOptions) -> JdbcUrl | None:
    return parse_jdbc_url(given.find("url") or "")
