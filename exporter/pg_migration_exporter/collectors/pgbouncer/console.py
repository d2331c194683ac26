"""A persistent connection to PgBouncer's admin console, with a timeout.

The console supports only the simple query protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pg_migration_exporter.config.schema import PgBouncerSection
from pg_migration_exporter.postgres.conninfo import APPLICATION_NAME
from pg_migration_exporter.postgres.password import read_password_file
from pg_migration_exporter.postgres.simple_query import run_simple_query

#: One row of an answer, by the names of its columns.
Record = Mapping[str, Any]

COMMANDS = ("VERSION", "LISTS", "CONFIG", "DATABASES", "USERS", "POOLS", "STATS_TOTALS")


class Console:
    """Runs the SHOW commands, and connects again when needed."""

    def __init__(self, settings: PgBouncerSection) -> None:
        self._settings = settings
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def show(self) -> dict[str, Sequence[Record]]:
        """Return the answers by command.

        Raises psycopg.Error, ConfigError or TimeoutError; the connection is closed then.
        """
        try:
            async with asyncio.timeout(self._settings.timeout):
                was_open = self._connection is not None
                try:
                    return await self._query()
                except psycopg.OperationalError:
                    if not was_open:
                        raise
                await self.close()
                return await self._query()
        except (
            BaseException
        ):  # also canceled: a pending answer must not be taken for that of a later command
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _query(self) -> dict[str, Sequence[Record]]:
        if self._connection is None:
            self._connection = await self._connect()
        return {
            command: (await run_simple_query(self._connection, f"SHOW {command}")).named()
            for command in COMMANDS
        }

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(
            build_conninfo(self._settings), autocommit=True
        )


def build_conninfo(settings: PgBouncerSection) -> str:
    """Return the connection string, password included: never log it.

    Raises ConfigError when the password file cannot be read.
    """
    configured = conninfo_to_dict(settings.dsn.get_secret_value() if settings.dsn else "")
    own: dict[str, str | int | None] = {
        "dbname": "pgbouncer",
        "fallback_application_name": APPLICATION_NAME,
        "client_encoding": "UTF8",
    }
    if settings.password_file is not None:
        own["password"] = read_password_file(settings.password_file, "pgbouncer.password_file")
    return make_conninfo("", **{**configured, **own})
