"""The token that a wrapper shows and the exporter asks for: from a file, or the environment."""

from __future__ import annotations

import os
from pathlib import Path

from pg_migration_exporter.errors import ConfigError

VARIABLE = "PG_MIGRATION_EXPORTER_TOKEN"
#: Characters; less could be guessed.
_SHORTEST = 16


def has_token(file: Path | None) -> bool:
    """Whether a token is configured, readable or not."""
    return file is not None or bool(os.environ.get(VARIABLE))


def read_token(file: Path | None) -> str:
    """The token in `file`, read anew each time so that it can be rotated, or in the environment.

    Raises ConfigError, without the token in its text.
    """
    source = f"reports.endpoint.token_file: {file}" if file else VARIABLE
    try:
        token = file.read_text(encoding="ascii") if file else os.environ.get(VARIABLE, "")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not ASCII text"
        raise ConfigError(f"{source} cannot be read: {reason}") from error
    token = token.strip()
    if len(token) < _SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(
            f"{source}: holds no token of {_SHORTEST} or more printable characters; make one with "
            "`openssl rand -hex 32`"
        )
    return token
