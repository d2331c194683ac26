"""The password of a connection, from its source, anew for each connection: it may be rotated.

A password in libpq's own places (PGPASSFILE, PGSERVICEFILE, `passfile` and `service` in the
connection string) is read by libpq. None of the errors here repeats what a source holds.
"""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path

from pg_migration_exporter.config.schema import PostgresSection
from pg_migration_exporter.errors import ConfigError

#: Bytes; a token of a cloud has some thousand.
_LONGEST = 64 * 1024


async def read_password(settings: PostgresSection) -> str | None:
    """The password; None if the settings name no source. Raises ConfigError."""
    if settings.password_file is not None:
        return _from_file(settings.password_file)
    if settings.password_env is not None:
        return _from_environment(settings.password_env)
    if settings.password_command:
        return await _from_command(settings.password_command, settings.password_command_timeout)
    return None


def _from_file(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"postgres.password_file: {file} cannot be read: "
            f"{getattr(error, 'strerror', None) or 'not UTF-8 text'}"
        ) from error


def _from_environment(variable: str) -> str:
    try:
        return os.environ[variable]
    except KeyError:
        raise ConfigError(
            f"postgres.password_env: the environment variable {variable} is not set"
        ) from None


async def _from_command(command: tuple[str, ...], timeout: float) -> str:
    """What a program prints; it has no shell, no input, and must end in time."""
    name = f"postgres.password_command: {command[0]}"
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, start_new_session=True
        )
    except OSError as error:
        raise ConfigError(f"{name} cannot be run: {error.strerror}") from error
    try:
        async with asyncio.timeout(timeout):
            printed = await _read_all(process)
            if len(printed) <= _LONGEST and await process.wait() != 0:
                raise ConfigError(f"{name} failed with exit status {process.returncode}; try it")
    except TimeoutError:
        raise ConfigError(f"{name} was not done in {timeout:g} s") from None
    finally:
        await _end(process)
    return _as_password(name, printed)


async def _read_all(process: Process) -> bytes:
    """Its output, and not much more than is allowed."""
    assert process.stdout is not None
    printed = b""
    while len(printed) <= _LONGEST and (chunk := await process.stdout.read(_LONGEST)):
        printed += chunk
    return printed


async def _end(process: Process) -> None:
    """Kill it and what it started, unless it has ended."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _as_password(name: str, printed: bytes) -> str:
    try:
        password = printed.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(f"{name} printed something that is not UTF-8 text") from None
    if not password or len(printed) > _LONGEST or "\0" in password:
        raise ConfigError(f"{name} printed no password of 1 to {_LONGEST} bytes")
    return password
