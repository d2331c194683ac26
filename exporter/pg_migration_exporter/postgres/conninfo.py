"""Builds the connection string of a connection from the settings.

All parameters that keep a session safe are startup parameters, so that even the first statement
runs with them (PostgreSQL, "Database Connection Control Functions", `options`).
"""

from __future__ import annotations

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from pg_migration_exporter.config.schema import PostgresSection
from pg_migration_exporter.postgres.password import read_password

#: Name of the exporter's sessions in pg_stat_activity, unless the DSN sets another.
APPLICATION_NAME = "pg-migration-exporter"

#: Idle seconds, seconds between probes, number of probes: a silent peer fails after 30 s.
_KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}
_TCP_USER_TIMEOUT_MS = 30_000


async def build_conninfo(settings: PostgresSection, *, with_options: bool = True) -> str:
    """Return the libpq connection string, password included: never log it.

    Raises ConfigError when the password cannot be read from its source. Some poolers reject
    `options`.
    """
    given = conninfo_to_dict(_dsn(settings))
    parameters: dict[str, str | int | None] = {
        "fallback_application_name": APPLICATION_NAME,
        "tcp_user_timeout": _TCP_USER_TIMEOUT_MS,
        **_KEEPALIVES,
        **given,
        "options": _options(settings, str(given.get("options") or "")),
        "client_encoding": "UTF8",
    }
    if not with_options:
        del parameters["options"]
    password = await read_password(settings)
    if password is not None:
        parameters["password"] = password
    return make_conninfo("", **parameters)


def describe_server(settings: PostgresSection) -> str:
    """Return host, port and database for messages, without user or password."""
    given = conninfo_to_dict(_dsn(settings))
    host, port = given.get("host") or given.get("hostaddr") or "local", given.get("port") or 5432
    where = f"service={given['service']}" if given.get("service") else f"{host}:{port}"
    return f"{where}/{given.get('dbname') or ''}".rstrip("/")


def database_of(settings: PostgresSection) -> str | None:
    """Return the database of the connection string, None where libpq chooses it."""
    name = conninfo_to_dict(_dsn(settings)).get("dbname")
    return str(name) if name else None


def with_database(settings: PostgresSection, name: str) -> PostgresSection:
    """Return the settings for another database of the same server."""
    dsn = make_conninfo(_dsn(settings), dbname=name)
    return settings.model_copy(update={"dsn": SecretStr(dsn)})


def _dsn(settings: PostgresSection) -> str:
    return settings.dsn.get_secret_value() if settings.dsn else ""


def _options(settings: PostgresSection, given: str) -> str:
    parameters = safe_parameters(settings)
    return " ".join([given, *(f"-c {name}={value}" for name, value in parameters.items())]).strip()


def safe_parameters(settings: PostgresSection) -> dict[str, str]:
    """Return the server parameters that keep a session read-only and short."""
    return {
        "default_transaction_read_only": "on",
        "statement_timeout": _milliseconds(settings.statement_timeout),
        "lock_timeout": _milliseconds(settings.lock_timeout),
        "idle_in_transaction_session_timeout": _milliseconds(settings.statement_timeout),
        # Functions and operators must not be found in a schema that users can write to, and no
        # relation in that of temporary tables, which is searched first unless it is named.
        "search_path": "pg_catalog,pg_temp",
        # A policy of a table would run its author's functions: reading the table is an error then.
        "row_security": "off",
        # The owner of a database can change the default, and with it the meaning of literals.
        "standard_conforming_strings": "on",
        "jit": "off",
        # Rows come in the order of their table, which reading it in parts relies on.
        "max_parallel_workers_per_gather": "0",
        "synchronize_seqscans": "off",
    }


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))
