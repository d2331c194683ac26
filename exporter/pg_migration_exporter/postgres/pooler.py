"""Connecting, and finding out whether a connection pooler is in between.

A pooler in transaction mode gives each transaction another session of the server: parameters of the
session are lost, or somebody else's, and prepared statements are on another session. A pooler is
told by the process id that it gave when the connection began, which is not that of the server's
process (PostgreSQL, "Message Formats", BackendKeyData), or by letting nobody in who has `options`.
Its mode cannot be seen; so every pooler is treated as one in transaction mode (`Session`).
"""

from __future__ import annotations

from typing import Any

import psycopg

from pg_migration_exporter.config.schema import PostgresSection
from pg_migration_exporter.postgres.conninfo import build_conninfo, harmless_parameters
from pg_migration_exporter.postgres.session import MARK, Session
from pg_migration_exporter.postgres.simple import run_simply

#: What a user has to know, in the log and from `--check-config`.
WARNING = (
    "the server is reached through a connection pooler: when its pool is used up, the exporter "
    "waits with the application and sees nothing; it may be led to another server at any time; and "
    "the address of clients is the pooler's. Let postgres.dsn name the server itself, and "
    "pgbouncer.dsn the pooler's console"
)

#: PgBouncer, unless its ignore_startup_parameters has `options`.
_REFUSED = "unsupported startup parameter"


async def open_session(settings: PostgresSection, conninfo: str) -> Session:
    """Connect with what `build_conninfo` made of the settings; the caller bounds the time.

    Raises psycopg.OperationalError or ConfigError.
    """
    connection = await _connect(settings, conninfo)
    try:
        is_pooled = await _is_pooled(connection)
        if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
            # Names may hold any bytes there; as UTF-8 the server would refuse to take them back.
            await connection.execute("SET client_encoding = SQL_ASCII")
    except BaseException:  # also cancelled: nobody else could close it
        await connection.close()
        raise
    return Session(connection, _before_each_statement(settings) if is_pooled else None)


async def _connect(settings: PostgresSection, conninfo: str) -> psycopg.AsyncConnection[Any]:
    try:
        return await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    except psycopg.OperationalError as error:
        if _REFUSED not in str(error):
            raise
    without = await build_conninfo(settings, with_options=False)
    return await psycopg.AsyncConnection.connect(without, autocommit=True)


async def _is_pooled(connection: psycopg.AsyncConnection[Any]) -> bool:
    answer = await run_simply(connection, f"select pg_catalog.pg_backend_pid() {MARK}")
    return bool(answer.rows != [(connection.pgconn.backend_pid,)])


def _before_each_statement(settings: PostgresSection) -> str:
    """A statement that makes the transaction around the next one as harmless as a session is."""
    parameters = harmless_parameters(settings)
    parameters["transaction_read_only"] = parameters.pop("default_transaction_read_only")
    calls = (
        f"pg_catalog.set_config('{name}', '{value}', true)" for name, value in parameters.items()
    )
    return f"select {', '.join(calls)}"
