"""Locks of all kinds are held or awaited: every scrape answers, and says what it could not see."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from testbed.database import Database
from testbed.postgres import Server
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.drills import Drill, StartDrill, is_whole

_SUCCESS = "migration_exporter_collector_success"
_ALWAYS = {"tables": {"interval": "1ms"}}


@pytest.fixture
def quests(database: Database) -> Database:
    database.execute("CREATE TABLE quests AS SELECT generate_series(1, 1000) AS id")
    return database


@contextmanager
def holding(database: Database, statement: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A transaction that has run `statement` and idles."""
    with database.connect() as session, session.transaction():
        session.execute(statement.encode())
        yield session


@contextmanager
def queued(database: Database, behind: str, statement: str) -> Iterator[None]:
    """`statement` waits behind an open transaction that ran `behind`."""
    with ThreadPoolExecutor(1) as thread, database.connect() as waiter:
        with holding(database, behind) as holder:
            waits = thread.submit(waiter.execute, statement.encode())
            mine = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %s"
            wait_until(
                lambda: holder.execute(mine, [waiter.info.backend_pid]).fetchone() == (1,),
                60,
                "it waits",
            )
            yield
        waits.result(timeout=60)


def all_whole(exercise: Drill) -> bool:
    return all(is_whole(page) for page in exercise.some_scrapes())


def test_a_users_table(quests: Database, drill: StartDrill) -> None:
    fault = "ACCESS EXCLUSIVE held on a user's table"
    with (
        drill(fault, quests, **_ALWAYS) as exercise,
        exercise.fault(),
        holding(quests, "LOCK TABLE quests IN ACCESS EXCLUSIVE MODE"),
    ):
        assert all_whole(exercise)


def test_an_alter_behind_a_select(quests: Database, drill: StartDrill) -> None:
    fault = "ALTER TABLE queued behind a long SELECT"
    with (
        drill(fault, quests, **_ALWAYS) as exercise,
        exercise.fault(),
        queued(quests, "SELECT * FROM quests", "ALTER TABLE quests ADD title text"),
    ):
        assert all_whole(exercise)


def test_liquibases_tables(database: Database, drill: StartDrill) -> None:
    """The state is unknown as long as nobody can look, and known again afterwards."""
    database.execute(
        "CREATE TABLE databasechangelog (id text, author text, filename text, md5sum text,"
        " dateexecuted timestamp, orderexecuted int, exectype text, tag text, deployment_id text)"
    )
    database.execute(
        "CREATE TABLE databasechangeloglock (id int, locked bool, lockgranted timestamp,"
        " lockedby text)"
    )
    fault = "ACCESS EXCLUSIVE held on Liquibase's tables"
    with drill(fault, database) as exercise:
        usual = exercise.some_scrapes(1)[0].status()
        with (
            exercise.fault(),
            holding(database, "LOCK TABLE databasechangelog, databasechangeloglock"),
        ):
            pages = exercise.some_scrapes()
        after = exercise.some_scrapes(1)[0]
    assert {page.status() for page in pages} == {"unknown"}
    assert all(is_whole(page) for page in pages)
    assert after.status() == usual


@pytest.fixture(scope="module")
def own(workspace: Workspace) -> Iterator[Server]:
    """Locks of catalogs hold up everybody on the server."""
    with Server(workspace, "catalogs") as server:
        server.database().execute("CREATE EXTENSION pg_stat_statements")
        yield server


@pytest.mark.parametrize(
    ("catalog", "undisturbed"),
    [
        ("pg_extension", ["server", "connections", "locks", "index_builds", "tables"]),
        # pg_stat_activity names databases, so almost everything waits for this one.
        ("pg_database", ["server"]),
    ],
)
def test_vacuum_full_of_a_catalog(
    own: Server, drill: StartDrill, catalog: str, undisturbed: list[str]
) -> None:
    """Collectors that need it say that they failed; all others answer."""
    database = own.database()
    fault = f"VACUUM FULL of {catalog} queued behind a reader"
    with (
        drill(fault, database) as exercise,
        exercise.fault(),
        queued(database, f"SELECT * FROM {catalog}", f"VACUUM FULL {catalog}"),
    ):
        pages = exercise.some_scrapes()
    for page in pages:
        assert page.value("postgres_up") == 1
        answered = [page.value(_SUCCESS, collector=name) for name in undisturbed]
        assert set(answered) == {1}


def test_a_timeout_shorter_than_the_work(own: Server, drill: StartDrill) -> None:
    """Prometheus waits 2 s only, and two catalogs are locked: what is there is the answer."""
    database = own.database()
    locks = "LOCK TABLE pg_catalog.pg_extension, pg_catalog.pg_database IN ACCESS EXCLUSIVE MODE"
    postgres = {"dsn": database.conninfo(), "lock_timeout": "2s"}
    fault = "scrape timeout shorter than the work"
    with (
        drill(fault, database, timeout=2, postgres=postgres) as exercise,
        exercise.fault(),
        holding(database, locks),
    ):
        pages = exercise.some_scrapes()
    assert all(page.value(_SUCCESS, collector="locks") == 0 for page in pages)
