"""From the settings to the connection string of one connection.

Everything that keeps a connection harmless is a startup parameter, so that not even the first
statement runs without it (PostgreSQL, "Database Connection Control Functions", `options`).
"""

from __future__ import annotations

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from pg_migration_exporter.config.schema import PostgresSection
from pg_migration_exporter.postgres.password import read_password

#: How the exporter's sessions are named in pg_stat_activity, unless the DSN says otherwise.
APPLICATION_NAME = "pg-migration-exporter"

#: Seconds idle, seconds between probes, probes: a silent peer is given up after half a minute.
_KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}
_TCP_USER_TIMEOUT_MS = 30_000


async def build_conninfo(settings: PostgresSection) -> str:
    """The libpq connection string, password included: never log it.

    Raises ConfigError when the password cannot be had from its source.
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
    password = await read_password(settings)
    if password is not None:
        parameters["password"] = password
    return make_conninfo("", **parameters)


def describe_server(settings: PostgresSection) -> str:
    """Host, port and database for messages, without user or password."""
    given = conninfo_to_dict(_dsn(settings))
    host, port = given.get("host") or given.get("hostaddr") or "local", given.get("port") or 5432
    where = f"service={given['service']}" if given.get("service") else f"{host}:{port}"
    return f"{where}/{given.get('dbname') or ''}".rstrip("/")


def database_of(settings: PostgresSection) -> str | None:
    """The database that the connection string names, None where it leaves that to libpq."""
    name = conninfo_to_dict(_dsn(settings)).get("dbname")
    return str(name) if name else None


def with_database(settings: PostgresSection, name: str) -> PostgresSection:
    """The same server, another database."""
    dsn = make_conninfo(_dsn(settings), dbname=name)
    return settings.model_copy(update={"dsn": SecretStr(dsn)})


def _dsn(settings: PostgresSection) -> str:
    return settings.dsn.get_secret_value() if settings.dsn else ""


def _options(settings: PostgresSection, given: str) -> str:
    parameters = {
        "default_transaction_read_only": "on",
        "statement_timeout": _milliseconds(settings.statement_timeout),
        "lock_timeout": _milliseconds(settings.lock_timeout),
        "idle_in_transaction_session_timeout": _milliseconds(settings.statement_timeout),
        # A schema that users can write to must not decide what our functions and operators mean.
        "search_path": "pg_catalog",
        "jit": "off",
    }
    return " ".join([given, *(f"-c {name}={value}" for name, value in parameters.items())]).strip()


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))
