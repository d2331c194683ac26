"""Old transactions and xmin holders, each held by what it is about."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from testbed.postgres import Server
from testbed.workspace import Workspace
from tests.fixtures.exporters import Page, StartExporter, scrape, scrape_until


@pytest.fixture(scope="module")
def holding(workspace: Workspace) -> Iterator[Server]:
    settings = {"max_prepared_transactions": "2", "autovacuum": "off"}
    with Server(workspace, "holding", settings) as server:
        server.database().execute("CREATE TABLE quests (id int)")
        yield server


def burn(server: Server, count: int = 5) -> None:
    """Use up transaction ids."""
    for _ in range(count):
        server.database().execute("INSERT INTO quests VALUES (1)")


def holder_age(page: Page, holder: str, datname: str = "postgres") -> float:
    return page.value("postgres_xmin_holder_age", holder=holder, datname=datname)


def test_calm(holding: Server, start_exporter: StartExporter) -> None:
    page = scrape(start_exporter(holding.database()))
    assert page.value("postgres_transaction_oldest_seconds", datname="postgres") == 0
    assert page.value("postgres_idle_in_transaction_seconds", datname="postgres") == 0
    assert page.value("postgres_prepared_transactions", datname="postgres") == 0
    assert page.value("postgres_prepared_transaction_oldest_seconds", datname="postgres") == 0
    assert page.value("postgres_xmin_horizon_age", datname="postgres") == 0


def test_a_statement_that_runs(holding: Server, start_exporter: StartExporter) -> None:
    exporter = start_exporter(holding.database())
    family = "postgres_active_query_oldest_seconds"
    assert scrape(exporter).value(family, datname="postgres") == 0
    with ThreadPoolExecutor(1) as thread:
        thread.submit(holding.database().execute, "SELECT pg_sleep(600)")
        scrape_until(exporter, lambda page: page.value(family, datname="postgres") > 1, "it runs")
        holding.database().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        )


def test_an_idle_session_that_wrote(holding: Server, start_exporter: StartExporter) -> None:
    exporter = start_exporter(holding.database())
    with holding.database().connect() as idle, idle.transaction():
        idle.execute("INSERT INTO quests VALUES (0)")
        burn(holding)
        page, later = scrape(exporter), scrape(exporter)
    for name in ("transaction_oldest", "snapshot_oldest", "idle_in_transaction"):
        family = f"postgres_{name}_seconds"
        assert later.value(family, datname="postgres") > page.value(family, datname="postgres") > 0
    assert holder_age(page, "backend") >= 5
    assert page.value("postgres_xmin_horizon_age", datname="postgres") >= 5


def test_a_prepared_transaction(holding: Server, start_exporter: StartExporter) -> None:
    database = holding.database()
    database.execute("BEGIN; INSERT INTO quests VALUES (0); PREPARE TRANSACTION 'forgotten'")
    try:
        burn(holding)
        page = scrape(start_exporter(database))
    finally:
        database.execute("ROLLBACK PREPARED 'forgotten'")
    assert page.value("postgres_prepared_transactions", datname="postgres") == 1
    assert page.value("postgres_prepared_transaction_oldest_seconds", datname="postgres") > 0
    assert holder_age(page, "prepared_transaction") >= 5


def test_a_logical_slot_holds_its_database(holding: Server, start_exporter: StartExporter) -> None:
    database = holding.database()
    create = "SELECT pg_create_logical_replication_slot('unread', 'test_decoding')"
    try:
        database.execute(create)
        burn(holding)
        page = scrape(start_exporter(database))
    finally:
        database.execute("SELECT pg_drop_replication_slot('unread')")
    assert holder_age(page, "replication_slot") >= 5


def test_a_standby_with_feedback_holds_every_database(
    holding: Server, start_exporter: StartExporter
) -> None:
    settings = {"hot_standby_feedback": "on", "wal_receiver_status_interval": "1s"}
    exporter = start_exporter(holding.database())
    with holding.standby("feedback", settings) as standby:
        holding.wait_for_replay(standby)
        with standby.database().connect() as reader, reader.transaction():
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            reader.execute("SELECT * FROM quests")
            burn(holding)
            page = scrape_until(
                exporter,
                lambda page: (
                    sum(page.values("postgres_xmin_holder_age", holder="standby_feedback")) >= 5
                ),
                "the standby's feedback",
            )
    assert holder_age(page, "standby_feedback", datname="") >= 5
    assert page.value("postgres_xmin_horizon_age", datname="postgres") >= 5
