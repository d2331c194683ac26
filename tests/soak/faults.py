"""Faults of a soak; each lasts while its function runs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg

from testbed.postgres import Server

_SECONDS = 4.0
_OWN = "application_name = 'pg-migration-exporter'"


def restart(server: Server) -> None:
    server.restart()


def kill(server: Server) -> None:
    server.kill()
    server.start()


def freeze(server: Server) -> None:
    server.freeze()
    time.sleep(_SECONDS)
    server.thaw()


def terminate_sessions(server: Server) -> None:
    server.database().execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {_OWN}"
    )


def cancel_statements(server: Server) -> None:
    until = time.monotonic() + _SECONDS
    with server.database().connect() as administrator:
        while time.monotonic() < until:
            administrator.execute(
                f"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE {_OWN}"
            )


def lock_table(server: Server) -> None:
    with server.database().connect() as migration, migration.transaction():
        migration.execute("LOCK TABLE player_quest IN ACCESS EXCLUSIVE MODE")
        time.sleep(_SECONDS)


def queue_alter(server: Server) -> None:
    """Let an ALTER wait behind a reader, and the load behind the ALTER."""
    with ThreadPoolExecutor(1) as thread, server.database().connect() as reader:
        with reader.transaction():
            reader.execute("SELECT * FROM player_quest LIMIT 1")
            alter = "ALTER TABLE player_quest ALTER state SET DEFAULT 'open'"
            waiting = thread.submit(server.database().execute, alter)
            time.sleep(_SECONDS)
        waiting.result()


def build_index(server: Server) -> None:
    for statement in (
        "CREATE INDEX CONCURRENTLY by_state ON player_quest (state)",
        "REINDEX TABLE CONCURRENTLY player_quest",
        "DROP INDEX by_state",
    ):
        server.database().execute(statement)


def reset_statistics(server: Server) -> None:
    server.database().execute("SELECT pg_stat_statements_reset()")


def use_up_connections(server: Server) -> None:
    database = server.database()
    with contextlib.ExitStack() as crowd, contextlib.suppress(psycopg.OperationalError):
        while True:
            crowd.enter_context(database.connect())


FAULTS: tuple[Callable[[Server], None], ...] = (
    restart,
    kill,
    freeze,
    terminate_sessions,
    cancel_statements,
    lock_table,
    queue_alter,
    build_index,
    reset_statistics,
    use_up_connections,
)
