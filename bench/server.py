"""The scraped server: migrated, with tables, sessions and statistics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import demo
from bench.plan import Plan
from testbed.database import Database
from testbed.errors import StackError
from testbed.liquibase import Liquibase
from testbed.postgres import Server
from testbed.workspace import Workspace

_CHANGELOG = Path(demo.__file__).with_name("changelog")

_SETTINGS = {
    "log_connections": "on",
    "pg_stat_statements.track_planning": "on",
    "max_connections": "200",
}

_LOCKED_TABLE = "table_0"


@contextmanager
def running_server(workspace: Workspace, plan: Plan) -> Iterator[Server]:
    """A server with a Liquibase changelog applied, `plan.tables` tables, `plan.sessions` sessions.

    Each table has statements of its own in pg_stat_statements. Half of the sessions are idle, half
    are active and use no CPU.
    """
    with Server(workspace, "bench", _SETTINGS) as server:
        database = server.database()
        database.execute("CREATE EXTENSION pg_stat_statements")
        _migrate(database)
        _make_tables(database, plan.tables)
        with _sessions(database, plan.sessions):
            yield server


def _migrate(database: Database) -> None:
    done = Liquibase(database, _CHANGELOG, "db.changelog-master.xml").run("update")
    if done.returncode:
        raise StackError(f"the migration failed\n{done.stderr}")


def _make_tables(database: Database, count: int) -> None:
    with database.connect() as connection:
        for number in range(count):
            table = f"table_{number}"
            connection.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, value text)")
            connection.execute(f"INSERT INTO {table} SELECT n, n FROM generate_series(1, 100) n")
            connection.execute(f"SELECT count(*) FROM {table}")
        connection.execute("ANALYZE")


@contextmanager
def _sessions(database: Database, count: int) -> Iterator[None]:
    with ExitStack() as stack:
        for number in range(count):
            connection = stack.enter_context(closing(database.connect()))
            if number % 2:
                connection.pgconn.send_query(b"SELECT pg_sleep(3600)")
        yield


def create_role(database: Database, role: str) -> Database:
    """Create a role of least privilege for one exporter; the database as that role reaches it.

    Unlike sql/grants.sql it leaves the role's statements in pg_stat_statements, to measure them.
    """
    database.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{database.password}'")
    database.execute(f"GRANT pg_monitor TO {role}")
    database.execute(f"GRANT SELECT ON databasechangelog, databasechangeloglock TO {role}")
    return replace(database, user=role)


@contextmanager
def locked_table(database: Database) -> Iterator[None]:
    """Lock one of the tables in ACCESS EXCLUSIVE mode, as ALTER TABLE does."""
    with database.connect() as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {_LOCKED_TABLE} IN ACCESS EXCLUSIVE MODE")
        yield


def end_sessions(database: Database, role: str) -> None:
    """Terminate all sessions of `role`."""
    database.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", [role]
    )
