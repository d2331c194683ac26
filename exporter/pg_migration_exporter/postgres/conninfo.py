"""From the settings to the connection string of one connection.

Everything that keeps a connection harmless is a startup parameter, so that not even the first
statement runs without it (PostgreSQL, "Database Connection Control Functions", `options`).
"""

from __future__ import annotations

from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pg_migration_exporter.config.schema import PostgresSection
from pg_migration_exporter.errors import ConfigError

#: How the exporter's sessions are named in pg_stat_activity, unless the DSN says otherwise.
APPLICATION_NAME = "pg-migration-exporter"

#: Seconds idle, seconds between probes, probes: a silent peer is given up after half a minute.
_KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}
_TCP_USER_TIMEOUT_MS = 30_000


def build_conninfo(settings: PostgresSection, *, with_options: bool = True) -> str:
    """The libpq connection string, password included: never log it.

    Raises ConfigError when the password file cannot be read. Some poolers let nobody in who has
    `options`.
    """
    given = conninfo_to_dict(settings.dsn.get_secret_value() if settings.dsn else "")
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
    if settings.password_file is not None:
        parameters["password"] = read_password(settings.password_file, "postgres.password_file")
    return make_conninfo("", **parameters)


def describe_server(settings: PostgresSection) -> str:
    """Host, port and database for messages, without user or password."""
    given = conninfo_to_dict(settings.dsn.get_secret_value() if settings.dsn else "")
    host, port = given.get("host") or given.get("hostaddr") or "local", given.get("port") or 5432
    return f"{host}:{port}/{given.get('dbname') or ''}".rstrip("/")


def _options(settings: PostgresSection, given: str) -> str:
    parameters = harmless_parameters(settings)
    return " ".join([given, *(f"-c {name}={value}" for name, value in parameters.items())]).strip()


def harmless_parameters(settings: PostgresSection) -> dict[str, str]:
    """The server's parameters that keep a session from doing any harm."""
    return {
        "default_transaction_read_only": "on",
        "statement_timeout": _milliseconds(settings.statement_timeout),
        "lock_timeout": _milliseconds(settings.lock_timeout),
        "idle_in_transaction_session_timeout": _milliseconds(settings.statement_timeout),
        # A schema that users can write to must not decide what our functions and operators mean.
        "search_path": "pg_catalog",
        "jit": "off",
    }


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))


def read_password(file: Path, key: str) -> str:
    """The password; `key` names the file in the ConfigError where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{key}: {file} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}"
        ) from error
