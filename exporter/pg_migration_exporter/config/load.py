"""From a file, options and the environment to frozen settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from pg_migration_exporter.config.problems import read_yaml, validate
from pg_migration_exporter.config.schema import Settings
from pg_migration_exporter.errors import ConfigError

#: Either names a server to libpq without a connection string.
LIBPQ_SERVER_VARIABLES = ("PGHOST", "PGHOSTADDR", "PGSERVICE")


def load_settings(
    file: Path | None = None, *, dsn: str | None = None, overrides: dict[str, Any] | None = None
) -> Settings:
    """Read `file`; `dsn` and the top-level `overrides` (from options) win over it.

    Raises ConfigError naming the file and the path of the key, or the option.
    """
    content = read_yaml(file) if file else {}
    content |= {key: value for key, value in (overrides or {}).items() if value is not None}
    if dsn is not None:
        content["postgres"] = {**(content.get("postgres") or {}), "dsn": dsn}
    settings = validate(Settings, content, str(file) if file else "options")
    _check_server(settings, "--dsn" if dsn is not None else f"{file}: postgres.dsn")
    if settings.pgbouncer.dsn is not None:
        _check_dsn(settings.pgbouncer.dsn, f"{file}: pgbouncer.dsn")
    return settings


def _check_server(settings: Settings, source: str) -> None:
    if settings.postgres.dsn is not None:
        _check_dsn(settings.postgres.dsn, source)
    elif not any(os.environ.get(name) for name in LIBPQ_SERVER_VARIABLES):
        raise ConfigError(
            "no server is named: use --dsn, or postgres.dsn in the configuration file, "
            f"or one of {', '.join(LIBPQ_SERVER_VARIABLES)} in the environment"
        )


def _check_dsn(dsn: SecretStr, source: str) -> None:
    try:
        conninfo_to_dict(dsn.get_secret_value())
    except ProgrammingError:
        # libpq's own message quotes the string, which may hold the password.
        raise ConfigError(
            f"{source}: not a connection string that libpq can read; write "
            "postgresql://USER@HOST:PORT/DATABASE (special characters percent-encoded) or "
            "host=HOST port=PORT dbname=DATABASE user=USER"
        ) from None
