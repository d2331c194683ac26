"""The servers behind the fleet, with many small databases, and the one behind the curves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from math import ceil

from bench.fleet.plan import FleetPlan
from bench.server import create_role
from testbed.database import Database
from testbed.postgres import Server
from testbed.programs import ROOT
from testbed.workspace import Workspace

ROLE = "fleet"
GRANTS = ROOT / "sql/grants.sql"

_TABLES_OF_A_TARGET = 10

_LIQUIBASE = """
CREATE TABLE databasechangelog (id text, author text, filename text, dateexecuted timestamp,
    orderexecuted int, exectype text, md5sum text, description text, comments text, tag text,
    liquibase text, contexts text, labels text, deployment_id text);
INSERT INTO databasechangelog
SELECT n, 'bench', 'bench.sql', now(), n, 'EXECUTED', '9:' || md5(n::text), '', '', null, '4.28.0',
       null, null, '1' FROM generate_series(1, 20) n;
CREATE TABLE databasechangeloglock (id int, locked bool, lockgranted timestamp, lockedby text);
INSERT INTO databasechangeloglock VALUES (1, false, null, null);
"""

#: One transaction for each thousand: a lock is held for each new table until its end.
_MAKE_TABLES = """
DO $$ BEGIN
    FOR number IN 1..{count} LOOP
        EXECUTE format('CREATE TABLE table_%s (id int PRIMARY KEY, value text)', number);
        IF number % 1000 = 0 THEN COMMIT; END IF;
    END LOOP;
END $$
"""


@contextmanager
def running_fleet(workspace: Workspace, plan: FleetPlan) -> Iterator[list[Server]]:
    """Start the servers of the fleet, each with a role of sql/grants.sql."""
    share = ceil(plan.targets / plan.servers)
    # The role of grants.sql may have four connections; here, all targets share one role.
    room = str(2 * share + 2)
    settings = {"max_connections": str(2 * share + 20)}
    with ExitStack() as stack:
        servers = [Server(workspace, f"fleet_{n}", settings) for n in range(plan.servers)]
        for server in servers:
            stack.enter_context(server)
            _prepare(server)
            server.run_script(GRANTS, "template1", exporter=ROLE, connections=room)
            server.set_password(ROLE)
        yield servers


def make_targets(servers: Sequence[Server], count: int) -> list[Database]:
    """Create databases with a Liquibase history and some tables; return them for the role.

    They are spread over the servers in turn.
    """
    return [
        make_database(servers[number % len(servers)], f"target_{number:03}", _TABLES_OF_A_TARGET)
        for number in range(count)
    ]


@contextmanager
def running_server(workspace: Workspace, plan: FleetPlan) -> Iterator[Server]:
    """A server with room for all statements of a curve.

    Its role's statements are tracked, unlike those of the fleet's role, because they are measured.
    """
    settings = {
        "max_locks_per_transaction": "256",
        "pg_stat_statements.max": str(max(plan.statements) * 2),
        "pg_stat_statements.track_planning": "on",
    }
    with Server(workspace, "curves", settings) as server:
        create_role(_prepare(server), ROLE)
        yield server


def _prepare(server: Server) -> Database:
    """Prepare the template of new databases."""
    template = server.database("template1")
    template.execute("CREATE EXTENSION pg_stat_statements")
    template.execute(_LIQUIBASE)
    return template


def make_database(server: Server, name: str, tables: int) -> Database:
    """Create a database with this many tables."""
    database = server.create_database(name)
    database.execute(_MAKE_TABLES.format(count=tables))
    return database.as_user(ROLE)


def make_statements(server: Server, name: str, count: int) -> None:
    """Let pg_stat_statements hold about `count` entries: one for each of as many tables."""
    database = server.database(name)
    database.execute("SELECT pg_stat_statements_reset()")
    with database.connect() as session:
        for chunk in _chunks(range(1, count + 1), 500):
            with session.pipeline():
                for number in chunk:
                    session.execute(f"SELECT value FROM table_{number} WHERE id = 1".encode())


def _chunks(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]
