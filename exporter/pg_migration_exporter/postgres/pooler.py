"""Opens a session, and detects a connection pooler between the exporter and the server.

A pooler in transaction mode may run each transaction in another session of the server: parameters
of the session are lost or belong to another client, and prepared statements are missing. A pooler
is detected by the process id that it reports at the start of the connection, which is not that of
the server's process (PostgreSQL, "Message Formats", BackendKeyData), or because it rejects
`options`. Its mode is unknown, so every pooler is treated as one in transaction mode (`Session`).
"""

from __future__ import annotations

from typing import Any

import psycopg

from pg_migration_exporter.config.schema import PostgresSection
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.postgres.conninfo import build_conninfo, safe_parameters
from pg_migration_exporter.postgres.session import MARK, Session
from pg_migration_exporter.postgres.simple_query import run_simple_query

#: Warning in the log and from `--check-config`.
WARNING = (
    "the server is reached through a connection pooler: when its pool is used up, the exporter "
    "waits with the application and reads nothing; it may be routed to another server at any time; "
    "and the address of clients is the pooler's. Let postgres.dsn name the server itself, and "
    "pgbouncer.dsn the pooler's console"
)

#: Error of PgBouncer, unless its ignore_startup_parameters has `options`.
_OPTIONS_REJECTED = "unsupported startup parameter"


#: The process that answers, and whether the login or what it became by SET ROLE is a superuser.
_WHO = f"""
select pg_catalog.pg_backend_pid() as pid,
       (select pg_catalog.bool_or(rolsuper) from pg_catalog.pg_roles
         where rolname in (session_user, current_user)) as is_superuser,
       session_user::pg_catalog.text as usename {MARK}
"""


class SuperuserRefusedError(ConfigError):
    """The role is a superuser, and `postgres.allow_superuser` is not set."""

    def __init__(self, usename: str) -> None:
        super().__init__(
            f"role {usename} is a superuser: whatever could run code in the exporter's sessions "
            "would own the server. Let postgres.dsn name a role of sql/grants.sql, or set "
            "postgres.allow_superuser"
        )


async def open_session(settings: PostgresSection, conninfo: str) -> Session:
    """Connect with the result of `build_conninfo`; the caller sets the timeout.

    Raises psycopg.OperationalError or ConfigError, SuperuserRefusedError among them.
    """
    connection = await _connect(settings, conninfo)
    try:
        [(pid, is_superuser, usename)] = (await run_simple_query(connection, _WHO)).rows
        if is_superuser and not settings.allow_superuser:
            raise SuperuserRefusedError(usename)
        is_pooled = pid != connection.pgconn.backend_pid
        if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
            # Names may have any bytes there, which the server would reject as UTF-8 parameters.
            await connection.execute("SET client_encoding = SQL_ASCII")
    except BaseException:  # also CancelledError: nothing else closes it
        await connection.close()
        raise
    before_each = _transaction_parameters(settings) if is_pooled else None
    return Session(connection, before_each, is_superuser=is_superuser)


async def _connect(settings: PostgresSection, conninfo: str) -> psycopg.AsyncConnection[Any]:
    try:
        return await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    except psycopg.OperationalError as error:
        if _OPTIONS_REJECTED not in str(error):
            raise
    without = await build_conninfo(settings, with_options=False)
    return await psycopg.AsyncConnection.connect(without, autocommit=True)


def _transaction_parameters(settings: PostgresSection) -> str:
    """Return a statement that sets the safe parameters for the current transaction only."""
    parameters = safe_parameters(settings)
    parameters["transaction_read_only"] = parameters.pop("default_transaction_read_only")
    calls = (
        f"pg_catalog.set_config('{name}', '{value}', true)" for name, value in parameters.items()
    )
    return f"select {', '.join(calls)}"
