"""What a server sees in a bad week, so that each kind of entry is in its log at least once."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace

import psycopg

from testbed.database import Database
from testbed.liquibase import Liquibase
from testbed.postgres import Server
from testbed.waiting import wait_until
from tests.fixtures.fluent_bit import LoggingServer
from tests.fixtures.migrations import CHANGELOG

#: Names that pretend to be something else, or are just difficult.
HOSTILE_APPLICATIONS = (
    "x ERROR:  fake",
    "] LOG:  duration: 99999 ms",
    "%m [1] 00000 DETAIL:  x",
    "two\nlines",
    "q\"uo'te, and comma",
    "größe",
    "A" * 80,
    "  leading spaces",
)
HOSTILE_DATABASE = 'we"ird,db'
#: Sent by clients that are refused: nobody has made these roles.
HOSTILE_USERS = ("nobody", "x ERROR:  y", 'quo"te,')
_MISTAKES = (
    "INSERT INTO watched VALUES (1, 'again')",
    "SELECT 1,\n\t'two', \"x\"\n\n FROM nowhere",
    "DO $$ BEGIN EXECUTE 'SELECT 1/0'; END $$",
    "DO $$ BEGIN EXECUTE 'SELECT nonsense FROM'; END $$",
    "DO $$ BEGIN RAISE EXCEPTION 'two\nlines'"
    " USING DETAIL = 'of\n\tdetail', HINT = 'and\n of hints', ERRCODE = 'ZZ001'; END $$",
    "SELECT '" + "long, " * 20_000 + "'::int",
)


def play(logging: LoggingServer) -> None:
    """Run it all on a new server."""
    server = logging.server
    database = server.database()
    database.execute("CREATE TABLE watched (id int PRIMARY KEY, t text)")
    database.execute("INSERT INTO watched SELECT i, 'x' FROM generate_series(1, 10000) i")
    for statement in _MISTAKES:
        fail(database, statement)
    strange_clients(server)
    timed_statements(database)
    wait_for_a_lock(database)
    run_into_a_deadlock(database)
    database.execute("CREATE INDEX ON watched (t)")
    database.execute("CHECKPOINT")
    failing_migration(database)
    wait_until(lambda: _was_vacuumed(database), 60, "autovacuum has seen the watched table")


def fail(database: Database, statement: str, **options: str) -> None:
    """Run a statement that the server refuses."""
    with suppress(psycopg.Error):
        database.execute(statement, **options)


def strange_clients(server: Server) -> None:
    """Names that clients choose: of applications, databases, and users that there are not."""
    database = server.database()
    for name in HOSTILE_APPLICATIONS:
        fail(database, "SELECT 1/0", application_name=name)
    server.create_database(HOSTILE_DATABASE)
    fail(server.database(HOSTILE_DATABASE), "SELECT * FROM nowhere")
    for user in HOSTILE_USERS:
        fail(replace(database, user=user), "SELECT 'never run'")
    fail(replace(database, password="wrong"), "SELECT 'never run'")
    fail(replace(database, name="no_such_database"), "SELECT 'never run'")


def timed_statements(database: Database) -> None:
    """Durations of the simple protocol and of the extended one."""
    database.execute("SELECT pg_sleep(0.02)")
    with database.connect(application_name="timed") as connection:
        for number in range(3):
            connection.execute("SELECT %s::int + 1", [number], prepare=True)


def wait_for_a_lock(database: Database) -> None:
    with database.connect() as holder, database.connect() as waiting:
        holder.execute("BEGIN; UPDATE watched SET t = 'held' WHERE id = 1")
        update = "UPDATE watched SET t = 'at last' WHERE id = 1"
        thread = threading.Thread(target=waiting.execute, args=(update,))
        thread.start()
        wait_until(lambda: _waiting_since(database, 0.2), 30, "a lock is waited for")
        holder.execute("COMMIT")
        thread.join()


def _waiting_since(database: Database, seconds: float) -> bool:
    longest = "SELECT max(extract(epoch FROM clock_timestamp() - waitstart)) FROM pg_locks"
    return (database.value(longest) or 0) > seconds


def run_into_a_deadlock(database: Database) -> None:
    with database.connect() as session, database.connect() as other:
        session.execute("BEGIN; UPDATE watched SET t = '1' WHERE id = 1")
        other.execute("BEGIN; UPDATE watched SET t = '2' WHERE id = 2")

        def cross() -> None:
            with suppress(psycopg.Error):
                session.execute("UPDATE watched SET t = '1' WHERE id = 2")

        thread = threading.Thread(target=cross)
        thread.start()
        with suppress(psycopg.Error):
            other.execute("UPDATE watched SET t = '2' WHERE id = 1")
        other.execute("ROLLBACK")
        thread.join()


def failing_migration(database: Database) -> None:
    database.execute("CREATE SCHEMA gameplay")
    done = Liquibase(database, CHANGELOG, "t/fail_sql.sql").run("update")
    assert done.returncode != 0, done.stdout


def _was_vacuumed(database: Database) -> bool:
    counts = "SELECT autoanalyze_count FROM pg_stat_user_tables WHERE relname = 'watched'"
    return bool(database.value(counts))
