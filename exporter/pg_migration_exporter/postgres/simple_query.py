"""Simple query protocol, for servers without the extended one (PostgreSQL, "Message Flow")."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import generators, pq
from psycopg.waiting import wait_async

from pg_migration_exporter.postgres.budget import limited
from pg_migration_exporter.postgres.rows import Rows, read_rows


async def run_simple_query(connection: psycopg.AsyncConnection[Any], sql: str) -> Rows:
    """Run one statement over the simple protocol, outside of a `Session`.

    When the task is cancelled, psycopg's own `execute` would send a cancel request and wait for it.
    """
    pgconn = connection.pgconn
    pgconn.send_query(sql.encode())
    answer = limited(generators.execute(pgconn), pgconn.socket)
    *_, result = await wait_async(answer, pgconn.socket)
    if result.status != pq.ExecStatus.TUPLES_OK:
        raise psycopg.errors.error_from_result(result)
    return read_rows(result)
