"""Counters and ages of databases, against what was done there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest

from testbed.database import Database
from testbed.postgres import Server
from tests.fixtures.exporters import Page, StartExporter, scrape, scrape_until

_PREFIX = "postgres_database"


def counted(page: Page, name: str, database: Database) -> float:
    return page.value(f"{_PREFIX}_{name}_total", datname=database.name)


def test_a_deadlock_is_counted(database: Database, start_exporter: StartExporter) -> None:
    database.execute("CREATE TABLE quests (id int PRIMARY KEY, stage int)")
    database.execute("INSERT INTO quests VALUES (1, 0), (2, 0)")
    exporter = start_exporter(database)
    assert counted(scrape(exporter), "deadlocks", database) == 0
    both_hold_one = Barrier(2, timeout=30)

    def update(first: int, second: int) -> bool:
        """Whether this one was the victim."""
        statement = "UPDATE quests SET stage = 1 WHERE id = %s"
        with database.connect() as connection:
            try:
                with connection.transaction():
                    connection.execute(statement, [first])
                    both_hold_one.wait()
                    connection.execute(statement, [second])
            except psycopg.errors.DeadlockDetected:
                return True
            return False

    with ThreadPoolExecutor(2) as threads:
        victims = list(threads.map(update, (1, 2), (2, 1)))
    assert sorted(victims) == [False, True]
    page = scrape_until(
        exporter, lambda page: counted(page, "deadlocks", database) > 0, "the deadlock is counted"
    )
    assert counted(page, "deadlocks", database) == 1
    assert counted(page, "rollbacks", database) >= 1


def test_rows_and_temporary_files(database: Database, start_exporter: StartExporter) -> None:
    database.execute("CREATE TABLE quests AS SELECT generate_series(1, 200000) AS id")
    database.execute("DELETE FROM quests WHERE id <= 10")
    database.execute(
        "SELECT id FROM quests ORDER BY id DESC OFFSET 199000", options="-c work_mem=64kB"
    )
    page = scrape_until(
        start_exporter(database),
        lambda page: (
            counted(page, "temp_files", database) > 0
            and counted(page, "rows_deleted", database) > 0
        ),
        "what each of the sessions did is counted",
    )
    assert counted(page, "rows_deleted", database) == 10
    assert counted(page, "rows_inserted", database) >= 200000
    # A sort keeps at least four bytes for each integer.
    assert counted(page, "temp_bytes", database) > 200000 * 4
    # Times are not measured on this server: that is no zero.
    assert page.values(f"{_PREFIX}_block_read_seconds_total", datname=database.name) == []


def test_a_session_that_was_killed(database: Database, start_exporter: StartExporter) -> None:
    with database.connect() as victim:
        database.execute("SELECT pg_terminate_backend(%s)", [victim.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            victim.execute("SELECT")
    scrape_until(
        start_exporter(database),
        lambda page: counted(page, "sessions_killed", database) == 1,
        "it is counted",
    )


def test_size_and_age(database: Database, start_exporter: StartExporter) -> None:
    size = "SELECT pg_database_size(current_database())"
    age = "SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()"
    before = database.value(size), database.value(age)
    page = scrape(start_exporter(database))
    after = database.value(size), database.value(age)

    names = {"datname": database.name}
    assert before[0] <= page.value(f"{_PREFIX}_size_bytes", **names) <= after[0]
    shown = page.value(f"{_PREFIX}_frozen_xid_age", **names)
    assert before[1] <= shown <= after[1]
    limit = 2**31 - 1 - 3_000_000  # PostgreSQL, "Preventing Transaction ID Wraparound Failures"
    assert page.value(f"{_PREFIX}_wraparound_ratio", **names) == pytest.approx(shown / limit)


def test_of_templates_there_is_the_age_alone(
    database: Database, start_exporter: StartExporter
) -> None:
    page = scrape(start_exporter(database))
    assert page.value(f"{_PREFIX}_frozen_xid_age", datname="template0") > 0
    assert page.values(f"{_PREFIX}_commits_total", datname="template0") == []
    assert page.values(f"{_PREFIX}_size_bytes", datname="template0") == []


def test_a_size_that_the_role_may_not_ask_for_is_absent(
    server: Server, database: Database, start_exporter: StartExporter
) -> None:
    server.create_role("stranger")
    database.execute(f'REVOKE CONNECT ON DATABASE "{database.name}" FROM PUBLIC')
    try:
        page = scrape(start_exporter(server.database().as_user("stranger")))
        assert page.values(f"{_PREFIX}_size_bytes", datname=database.name) == []
        assert page.value(f"{_PREFIX}_size_bytes", datname="postgres") > 0
        success = "migration_exporter_collector_success"
        assert page.value(success, collector="database_sizes") == 1
    finally:
        server.database().execute("DROP ROLE stranger")


def test_times_where_they_are_measured(tuned_server: Server, start_exporter: StartExporter) -> None:
    page = scrape(start_exporter(tuned_server.database()))
    assert page.value(f"{_PREFIX}_block_read_seconds_total", datname="postgres") >= 0
