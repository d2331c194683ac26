"""Slots that hold WAL back, and subscriptions that read them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testbed.database import Database
from testbed.postgres import Server
from testbed.workspace import Workspace
from tests.fixtures.exporters import Page, StartExporter, scrape, scrape_until

_SLOT = "postgres_replication_slot"
_SUBSCRIPTION = "postgres_subscription"


@pytest.fixture(scope="module")
def publisher(workspace: Workspace) -> Iterator[Server]:
    with Server(workspace, "publisher") as server:
        yield server


def write_segment(server: Server) -> None:
    """Fill a WAL segment, at least by its name."""
    server.database().execute("SELECT pg_logical_emit_message(false, 'test', repeat('x', 100000))")
    server.database().execute("SELECT pg_switch_wal()")


@pytest.fixture
def with_slot(publisher: Server) -> Iterator[Database]:
    """A server with a slot, `forgotten`, that nothing reads."""
    database = publisher.database()
    database.execute("SELECT pg_create_physical_replication_slot('forgotten', true)")
    yield database
    database.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
    database.execute("SELECT pg_reload_conf()")
    database.execute("SELECT pg_drop_replication_slot('forgotten')")


def test_an_inactive_slot_grows_until_it_is_lost(
    publisher: Server, with_slot: Database, start_exporter: StartExporter
) -> None:
    database = with_slot
    exporter = start_exporter(database)
    slot = {"slot_name": "forgotten", "slot_type": "physical"}

    def status(page: Page) -> str:
        [sample] = page.families[f"{_SLOT}_wal_status"].samples
        assert sample.value == 1
        return sample.labels["status"]

    page = scrape(exporter)
    assert page.value(f"{_SLOT}_active", **slot) == 0
    assert status(page) == "reserved"
    assert page.values(f"{_SLOT}_safe_bytes", **slot) == []  # nothing limits it
    assert page.values(f"{_SLOT}_unconfirmed_bytes", **slot) == []  # of logical ones alone
    retained = page.value(f"{_SLOT}_retained_bytes", **slot)
    write_segment(publisher)
    page = scrape(exporter)
    grown = "SELECT pg_current_wal_lsn() - restart_lsn FROM pg_replication_slots"
    assert retained < page.value(f"{_SLOT}_retained_bytes", **slot) <= database.value(grown)

    database.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '64MB'")
    database.execute("SELECT pg_reload_conf()")
    scrape_until(exporter, lambda page: page.values(f"{_SLOT}_safe_bytes", **slot), "a limit")
    for _ in range(6):
        write_segment(publisher)
    database.execute("CHECKPOINT")
    page = scrape_until(exporter, lambda page: status(page) == "lost", "it is lost")
    [invalid] = page.families[f"{_SLOT}_invalid"].samples
    assert invalid.labels == slot | {"reason": "wal_removed"}
    assert page.values(f"{_SLOT}_retained_bytes", **slot) == []


@pytest.fixture
def subscriber(publisher: Server, database: Database) -> Iterator[Database]:
    """A database of another server that subscribes to `quests`."""
    source = publisher.database()
    for side in (source, database):
        side.execute("CREATE TABLE quests (id int PRIMARY KEY)")
    source.execute("INSERT INTO quests VALUES (1)")
    source.execute("CREATE PUBLICATION quests FOR TABLE quests")
    conninfo = source.conninfo().replace("'", "''")
    database.execute(f"CREATE SUBSCRIPTION quests CONNECTION '{conninfo}' PUBLICATION quests")
    yield database
    database.execute("DROP SUBSCRIPTION quests")
    source.execute("DROP PUBLICATION quests")
    source.execute("DROP TABLE quests")


def is_copied(page: Page) -> bool:
    return page.values(f"{_SUBSCRIPTION}_tables", state="ready") == [1]


def test_a_subscription_from_its_start_to_its_end(
    subscriber: Database, start_exporter: StartExporter
) -> None:
    names = {"datname": subscriber.name, "subname": "quests"}
    exporter = start_exporter(subscriber)
    page = scrape_until(exporter, is_copied, "the table is copied")
    assert page.value(f"{_SUBSCRIPTION}_enabled", **names) == 1
    assert page.value(f"{_SUBSCRIPTION}_worker_up", **names) == 1
    assert page.value(f"{_SUBSCRIPTION}_last_message_age_seconds", **names) >= 0

    subscriber.execute("ALTER SUBSCRIPTION quests DISABLE")
    page = scrape_until(
        exporter,
        lambda page: page.value(f"{_SUBSCRIPTION}_worker_up", **names) == 0,
        "its worker ends",
    )
    assert page.value(f"{_SUBSCRIPTION}_enabled", **names) == 0
    assert page.values(f"{_SUBSCRIPTION}_last_message_age_seconds", **names) == []


def test_its_publisher_counts_no_standby(
    publisher: Server, subscriber: Database, start_exporter: StartExporter
) -> None:
    scrape_until(start_exporter(subscriber), is_copied, "the table is copied")
    publisher.database().execute("INSERT INTO quests VALUES (2)")
    slot = {"slot_name": "quests", "slot_type": "logical"}
    page = scrape_until(
        start_exporter(publisher.database()),
        lambda page: page.value(f"{_SLOT}_decoded_transactions_total", **slot) > 0,
        "the decoded transaction is counted",
    )
    assert page.value(f"{_SLOT}_active", **slot) == 1
    assert page.value(f"{_SLOT}_unconfirmed_bytes", **slot) >= 0
    assert page.value("postgres_replication_standbys") == 0
    info = "postgres_replication_standby_info"
    assert page.value(info, replica="quests", kind="logical", slot_name="quests") == 1


@pytest.mark.pg(">= 15")
def test_a_change_that_cannot_be_applied(
    publisher: Server, subscriber: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(subscriber)
    page = scrape_until(exporter, is_copied, "the table is copied")
    assert page.value(f"{_SUBSCRIPTION}_apply_errors_total") == 0
    subscriber.execute("INSERT INTO quests VALUES (3)")
    publisher.database().execute("INSERT INTO quests VALUES (3)")
    page = scrape_until(
        exporter,
        lambda page: page.value(f"{_SUBSCRIPTION}_apply_errors_total") > 0,
        "the conflict is counted",
    )
    assert page.value(f"{_SUBSCRIPTION}_sync_errors_total") == 0
