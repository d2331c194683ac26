"""The bearer token of reports, shared by the wrapper and the exporter."""

from __future__ import annotations

import os
from pathlib import Path

from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.files import read_regular_file

VARIABLE = "PG_MIGRATION_EXPORTER_TOKEN"
#: The fewest characters of a token that cannot be guessed.
_MIN_LENGTH = 16
#: Bytes of its file.
_MAX_SIZE = 64 * 1024


def has_token(file: Path | None) -> bool:
    """Return whether a token is configured, readable or not."""
    return file is not None or bool(os.environ.get(VARIABLE))


def read_token(file: Path | None) -> str:
    """Return the token in `file` or in the environment; read each time, so that it can be rotated.

    Raises ConfigError, which never contains the token.
    """
    source = f"reports.endpoint.token_file: {file}" if file else VARIABLE
    try:
        if file is not None:
            token = read_regular_file(file, _MAX_SIZE).decode("ascii")
        else:
            token = os.environ.get(VARIABLE, "")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not ASCII text"
        raise ConfigError(f"{source} cannot be read: {reason}") from error
    token = token.strip()
    if len(token) < _MIN_LENGTH or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(
            f"{source}: not a token of {_MIN_LENGTH} or more printable characters; create one with "
            "`openssl rand -hex 32`"
        )
    return token
