"""The promise: while a migration holds its locks, every scrape answers with every family."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from testbed.database import Database
from testbed.exporter import Exporter
from testbed.waiting import wait_until
from tests.fixtures.exporters import Page, StartExporter, scrape

_SCRAPES = 40
_OWN_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"


@contextmanager
def table_held(database: Database) -> Iterator[None]:
    """A migration holds ACCESS EXCLUSIVE on a table with an index."""
    with database.connect() as migration, migration.transaction():
        migration.execute("LOCK TABLE quest_definitions IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def alter_queued(database: Database) -> Iterator[None]:
    """An ALTER TABLE waits behind a SELECT, and all else behind the ALTER."""
    with (
        ThreadPoolExecutor(1) as thread,
        database.connect() as reader,
        database.connect() as migration,
    ):
        with reader.transaction():
            reader.execute("SELECT * FROM quest_definitions LIMIT 1")
            altered = thread.submit(
                migration.execute, "ALTER TABLE quest_definitions ADD COLUMN season int"
            )
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %s"
            pid = migration.info.backend_pid
            wait_until(lambda: database.value(waiting, [pid]), 60, "the ALTER waits")
            yield
        altered.result(timeout=60)


@pytest.fixture
def quests(database: Database) -> Database:
    database.execute("CREATE TABLE quest_definitions (id int PRIMARY KEY, title text)")
    database.execute("INSERT INTO quest_definitions SELECT g, 'quest' FROM generate_series(1, 9) g")
    return database


def answers(exporter: Exporter) -> tuple[float, list[str]]:
    """Median seconds of a series of scrapes, and their texts."""
    seconds, texts = [], []
    for _ in range(_SCRAPES):
        started = time.perf_counter()
        text = exporter.metrics()
        seconds.append(time.perf_counter() - started)
        texts.append(text)
    return statistics.median(seconds), texts


@pytest.mark.parametrize("situation", [table_held, alter_queued])
def test_a_locked_table_costs_no_family_and_no_time(
    quests: Database, start_exporter: StartExporter, situation: type
) -> None:
    exporter = start_exporter(quests)
    usual, [*_, calm] = answers(exporter)
    families = Page(calm).families.keys()
    with situation(quests):
        locked, texts = answers(exporter)

    for page in map(Page, texts):
        assert set(page.values("migration_exporter_collector_success")) == {1}
        assert page.families.keys() == families
    assert locked <= 2 * usual


def test_the_wait_is_seen(quests: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(quests)
    name = quests.name
    calm = scrape(exporter)
    assert calm.value("postgres_blocked_sessions", datname=name) == 0
    assert calm.value("postgres_lock_wait_longest_seconds", datname=name) == 0

    with alter_queued(quests):
        page = scrape(exporter)
        assert page.value("postgres_blocked_sessions", datname=name) == 1
        assert page.value("postgres_blocking_sessions", datname=name) == 1
        first = page.value("postgres_lock_wait_longest_seconds", datname=name)
        assert scrape(exporter).value("postgres_lock_wait_longest_seconds", datname=name) > first


def test_a_client_without_time_truncates_no_scrape_of_others(
    quests: Database, start_exporter: StartExporter
) -> None:
    """Its scrape is shared, also by Prometheus, which has more time."""
    exporter = start_exporter(
        quests,
        custom_metrics=[
            {
                "name": "slow",
                "sql": "select 1::float8 as slow_value from pg_sleep(2)",
                "metrics": {"slow_value": {"type": "gauge", "help": "slow"}},
            }
        ],
    )
    runs = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query ~ '[s]leep.2'"
    impatient = {"X-Prometheus-Scrape-Timeout-Seconds": "1"}
    scrape(exporter)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(httpx.get, f"{exporter.url}/metrics", headers=impatient)
        wait_until(lambda: quests.value(runs), 20, "a scrape")
        page = scrape(exporter)
        assert not Page(first.result().text).values("slow_value")
    assert page.values("slow_value") == [1]
    assert page.values("migration_exporter_collector_success", collector="custom_slow") == [1]


@pytest.mark.parametrize("situation", [table_held, alter_queued])
def test_a_flood_of_scrapes_shares_one_connection(
    quests: Database, start_exporter: StartExporter, situation: type
) -> None:
    exporter = start_exporter(quests)
    scrape(exporter)
    most = 0
    with situation(quests), ThreadPoolExecutor(50) as flood:
        requests = [flood.submit(exporter.metrics) for _ in range(200)]
        while not all(request.done() for request in requests):
            most = max(most, quests.value(_OWN_SESSIONS, ["pg-migration-exporter"]))
        pages = [Page(text) for text in {request.result() for request in requests}]

    assert 1 <= most <= 2
    for page in pages:
        assert set(page.values("migration_exporter_collector_success")) == {1}
