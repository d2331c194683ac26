"""Functions that users' SQL calls: nothing that they do to the exporter's session stays.

A check may call a function of the application, whose owner is not the exporter's administrator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from pg_migration_exporter.postgres.session import Session
from testbed.database import Database
from tests.fixtures.exporters import StartExporter, scrape
from tests.fixtures.sessions import session_of

#: What the function of a check does, and what the session shows afterwards.
_STATE = """
select current_setting('default_transaction_read_only') as read_only,
       current_setting('search_path') as path,
       current_setting('statement_timeout') as timeout,
       coalesce(current_setting('planted.value', true), '') as custom,
       current_user = session_user as is_itself,
       (select count(*) from pg_locks
         where locktype = 'advisory' and pid = pg_backend_pid()) as locks,
       (select count(*) from pg_listening_channels()) as channels,
       (select count(*) from pg_class where relnamespace = pg_my_temp_schema()) as temporary,
       (select count(*) from pg_cursors) as cursors,
       pg_current_xact_id_if_assigned() is null as is_unwritten
"""
_CLEAN = ("on", "pg_catalog,pg_temp", "3s", "", True, 0, 0, 0, 1, True)

_DEEDS = {
    "setting": "PERFORM set_config('default_transaction_read_only', 'off', false)",
    "set": "SET default_transaction_read_only = off; SET search_path = planted, pg_catalog",
    "timeout": "PERFORM set_config('statement_timeout', '0', false)",
    "custom": "PERFORM set_config('planted.value', 'x', false)",
    "role": "SET ROLE pg_monitor",
    "advisory": "PERFORM pg_advisory_lock(4711)",
    "listen": "LISTEN planted",
    "cursor": "EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT 1'",
}
_WRITES = (
    "CREATE TABLE planted.mine ()",
    "CREATE TEMPORARY TABLE pg_class (oid int)",
    "SET TRANSACTION READ WRITE",
    "PERFORM set_config('transaction_read_only', 'off', true)",
    "COMMIT",
)


def define(database: Database, deed: str) -> None:
    database.execute(
        "CREATE SCHEMA IF NOT EXISTS planted; GRANT USAGE ON SCHEMA planted TO PUBLIC;"
        "CREATE OR REPLACE FUNCTION planted.check() RETURNS bool LANGUAGE plpgsql AS"
        f" $$BEGIN {deed}; RETURN true; END$$"
    )


@pytest.fixture
def session(watcher: Database) -> Iterator[tuple[asyncio.Runner, Session]]:
    with asyncio.Runner() as runner:
        session = runner.run(session_of(watcher))
        yield runner, session
        runner.run(session.close())


def test_what_a_function_sets_is_gone(
    database: Database, session: tuple[asyncio.Runner, Session]
) -> None:
    runner, own = session
    for name, deed in _DEEDS.items():
        define(database, deed)
        assert runner.run(own.query_untrusted("select planted.check()")).rows == [(True,)], name
        assert runner.run(own.query(_STATE)).rows == [_CLEAN], name


def test_what_a_statement_sets_is_gone(session: tuple[asyncio.Runner, Session]) -> None:
    runner, own = session
    runner.run(own.query_untrusted("set default_transaction_read_only = off"))
    assert runner.run(own.query(_STATE)).rows == [_CLEAN]
    with pytest.raises(psycopg.errors.ActiveSqlTransaction):
        runner.run(own.query_untrusted("set transaction read write"))
    assert runner.run(own.query(_STATE)).rows == [_CLEAN]


@pytest.mark.parametrize("statement", ["commit", "rollback and chain", "release before_all"])
def test_a_statement_that_ends_the_transaction_ends_the_session(
    session: tuple[asyncio.Runner, Session], statement: str
) -> None:
    runner, own = session
    runner.run(own.query_untrusted(statement))
    runner.run(own.wait_until_idle())
    assert not own.is_open


def test_reading_does_not_count_as_rolling_back(
    database: Database, session: tuple[asyncio.Runner, Session]
) -> None:
    """Rules and judgements compare the number of transactions that are rolled back."""
    runner, own = session
    rolled_back = "select pg_stat_get_db_xact_rollback(oid) from pg_database where datname = $1"
    before = runner.run(own.query(rolled_back, [database.name])).rows
    for _ in range(3):
        runner.run(own.query_untrusted("select 1"))
    runner.run(own.query("select pg_stat_force_next_flush()"))
    assert runner.run(own.query(rolled_back, [database.name])).rows == before


def test_a_function_cannot_write(
    database: Database, session: tuple[asyncio.Runner, Session]
) -> None:
    runner, own = session
    for deed in _WRITES:
        define(database, deed)
        with pytest.raises(psycopg.Error):
            runner.run(own.query_untrusted("select planted.check()"))
        assert runner.run(own.query(_STATE)).rows == [_CLEAN], deed


@pytest.mark.parametrize(
    "deed",
    ["DEALLOCATE ALL; EXECUTE 'PREPARE s1 AS SELECT 666'", "DEALLOCATE ALL"],
)
def test_a_function_that_touches_prepared_statements_ends_the_session(
    database: Database, session: tuple[asyncio.Runner, Session], deed: str
) -> None:
    """The next statement of ours under this name would be theirs, or missing."""
    runner, own = session
    assert runner.run(own.query("select 1")).rows == [(1,)]
    define(database, deed)
    assert runner.run(own.query_untrusted("select planted.check()")).rows == [(True,)]
    runner.run(own.wait_until_idle())
    assert not own.is_open


def test_the_checks_of_an_exporter_leave_its_session_as_it_was(
    database: Database, watcher: Database, start_exporter: StartExporter
) -> None:
    """The second check sees what the first one did to the session, at every scrape."""
    define(database, "PERFORM set_config('default_transaction_read_only', 'off', false)")
    shown = (
        "select (current_setting('default_transaction_read_only') = 'on')::int as session_read_only"
    )
    gauge = {"type": "gauge", "help": "A test."}
    exporter = start_exporter(
        watcher,
        custom_metrics=[
            {
                "name": "hostile",
                "sql": "select planted.check()::int as hostile_ran",
                "metrics": {"hostile_ran": gauge},
            },
            {"name": "seen", "sql": shown, "metrics": {"session_read_only": gauge}},
        ],
    )
    for _ in range(3):
        page = scrape(exporter)
        assert page.value("hostile_ran") == page.value("session_read_only") == 1
