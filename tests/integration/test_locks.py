"""Lock chains on a real server: counted, named, logged, and gone when they end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from pg_migration_exporter.collectors.locks import sql
from pg_migration_exporter.collectors.locks.chains import Chains, read_sessions
from pg_migration_exporter.collectors.locks.memory import LockMemory
from testbed.database import Database
from testbed.waiting import wait_until
from tests.fixtures.exporters import StartExporter, scrape, scrape_until
from tests.fixtures.sessions import session_of

_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@pytest.fixture
def quests(database: Database) -> Database:
    database.execute(
        "CREATE SCHEMA game; CREATE TABLE game.quests (id int PRIMARY KEY, title text)"
    )
    database.execute("INSERT INTO game.quests VALUES (1, 'first')")
    return database


def await_waiting(database: Database, number: int, what: str) -> None:
    """Await that this number of sessions waits for locks."""
    wait_until(lambda: database.value(_WAITING) == number, 60, what)


@contextmanager
def queue(database: Database, ahead: str, *behind: tuple[str, str]) -> Iterator[None]:
    """A transaction that ran `ahead` idles; each (application_name, statement) waits in turn."""
    with ThreadPoolExecutor(len(behind)) as threads, ExitStack() as connections:
        report = database.connect(application_name="report")
        holder = connections.enter_context(report)
        connections.enter_context(holder.transaction())
        holder.execute(ahead.encode())
        for place, (name, statement) in enumerate(behind, 1):
            threads.submit(database.execute, statement, application_name=name)
            await_waiting(database, place, statement)
        yield


def test_readers_behind_an_alter_behind_a_long_report(
    quests: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(quests, watch={"interval": "1s", "busy_interval": "100ms"})
    name = quests.name
    readers = [("quest-service", "SELECT * FROM game.quests")] * 3
    alter = ("liquibase", "ALTER TABLE game.quests ADD season int")
    with queue(quests, "SELECT * FROM game.quests", alter, *readers):
        page = scrape(exporter)
        event = "lock_wait_started"
        wait_until(lambda: event in exporter.process.output(), 60, event)
    after = scrape_until(
        exporter,
        lambda page: page.value("postgres_blocked_sessions", datname=name) == 0,
        "nobody waits",
    )

    assert page.value("postgres_blocked_sessions", datname=name) == 4
    assert page.value("postgres_blocking_sessions", datname=name) == 2
    assert page.value("postgres_migration_blocked_sessions", datname=name) == 3
    relation = {"datname": name, "schemaname": "game", "relname": "quests"}
    assert page.value("postgres_lock_queue_depth", **relation) == 4
    root = {"datname": name, "application_name": "report", "state": "idle in transaction"}
    assert page.value("postgres_lock_root_blocked_sessions", **root) == 4
    assert after.value("postgres_migration_blocked_sessions", datname=name) == 0
    assert after.values("postgres_lock_queue_depth") == []
    wait_until(lambda: "lock_wait_ended" in exporter.process.output(), 60, "the end is logged")
    assert "SELECT * FROM" not in exporter.process.output()


def test_behind_a_row_that_a_migration_changed(
    quests: Database, start_exporter: StartExporter
) -> None:
    """No DDL at all: only the application's name shows that this is the migration."""
    settings = {"liquibase": {"application_names": ["report"]}}
    exporter = start_exporter(quests, **settings)
    update = "UPDATE game.quests SET title = 'x' WHERE id = 1"
    with queue(quests, update, ("one", update), ("two", update)):
        page = scrape(exporter)
    assert page.value("postgres_migration_blocked_sessions", datname=quests.name) == 2
    assert page.values("postgres_lock_queue_depth") == [1]


def test_many_who_wait_are_all_counted(quests: Database, start_exporter: StartExporter) -> None:
    """More than are examined one by one."""
    exporter = start_exporter(quests)
    crowd = sql.MAX_EXAMINED + 6
    statement = "SELECT * FROM game.quests"
    alter = ("liquibase", "ALTER TABLE game.quests ADD season int")
    with ThreadPoolExecutor(crowd) as threads, queue(quests, statement, alter):
        for _ in range(crowd):
            threads.submit(quests.execute, statement)
        await_waiting(quests, crowd + 1, "all wait")
        page = scrape(exporter)
    assert page.value("postgres_migration_blocked_sessions", datname=quests.name) == crowd


def test_the_report_shows_the_tree_without_secrets(quests: Database) -> None:
    async def look() -> Chains:
        session = await session_of(quests)
        try:
            return Chains.of(read_sessions(await session.query(sql.WAITS.for_version(150000))))
        finally:
            await session.close()

    ahead = "UPDATE game.quests SET title = 'my secret' WHERE id = 1"
    with queue(quests, ahead, ("app", ahead)):
        [tree] = LockMemory(asyncio.run(look())).report()
    assert tree["application_name"] == "report"
    assert tree["state"] == "idle in transaction"
    assert tree["statement"] == "UPDATE game.quests SET title = '...' WHERE id = 1"
    [waiter] = tree["waiters"]
    assert waiter["waits_for"] == "ShareLock on transactionid"
    assert "secret" not in str(tree)
