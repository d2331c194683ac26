"""Reads the password from its source, again for each connection since it may be rotated.

libpq itself reads passwords from PGPASSFILE, PGSERVICEFILE, and `passfile` and `service` in the
connection string. No error message contains the content of a source.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from pg_migration_exporter.config.schema import PostgresSection
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.files import read_regular_file
from pg_migration_exporter.programs import run_program

#: Bytes; tokens of cloud providers have a few thousand.
_MAX_LENGTH = 64 * 1024


async def read_password(settings: PostgresSection) -> str | None:
    """Return the password, None if the settings name no source. Raises ConfigError."""
    if settings.password_file is not None:
        # A file of another host may take its time.
        return await asyncio.to_thread(
            read_password_file, settings.password_file, "postgres.password_file"
        )
    if settings.password_env is not None:
        return _from_environment(settings.password_env)
    if settings.password_command:
        return await _from_command(settings.password_command, settings.password_command_timeout)
    return None


def read_password_file(file: Path, key: str) -> str:
    """Return the content of `file`; the ConfigError of an unreadable one names `key`."""
    try:
        return read_regular_file(file, _MAX_LENGTH).decode("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{key}: {file} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}"
        ) from error


def _from_environment(variable: str) -> str:
    try:
        return os.environ[variable]
    except KeyError:
        raise ConfigError(
            f"postgres.password_env: the environment variable {variable} is not set"
        ) from None


async def _from_command(command: tuple[str, ...], timeout: float) -> str:
    """Return the output of a program that ends within `timeout` seconds."""
    name = f"postgres.password_command: {command[0]}"
    try:
        printed, status = await run_program(command, timeout, _MAX_LENGTH)
    except TimeoutError:  # before OSError, which it is one of
        raise ConfigError(f"{name} did not end within {timeout:g} s") from None
    except OSError as error:
        raise ConfigError(f"{name} cannot be run: {error.strerror}") from error
    if status:
        raise ConfigError(f"{name} failed with exit status {status}; try it")
    return _as_password(name, printed)


def _as_password(name: str, printed: bytes) -> str:
    try:
        password = printed.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(f"{name} printed something that is not UTF-8 text") from None
    if not password or len(printed) > _MAX_LENGTH or "\0" in password:
        raise ConfigError(f"{name} printed no password of 1 to {_MAX_LENGTH} bytes")
    return password
