"""The histogram of pg_stat_monitor: the sum of its slices of time, next to our own histogram."""

from __future__ import annotations

import pytest

from testbed.database import Database
from testbed.exporter import Exporter
from tests.fixtures.exporters import Page, StartExporter, scrape, scrape_until
from tests.fixtures.statement_monitor import BOUNDS, StatementMonitor

_NAME = "postgres_query_duration_seconds"
#: Only scrapes read, and each does.
_AT_EACH_SCRAPE = {"watch": {"enabled": False}, "statements": {"interval": "10ms"}}


@pytest.fixture
def monitor(database: Database) -> StatementMonitor:
    return StatementMonitor(database)


def below(page: Page, database: Database) -> list[float]:
    """The histogram's buckets."""
    of = {"datname": database.name, "source": "monitor"}
    return [page.value(f"{_NAME}_bucket", le=bound, **of) for bound in BOUNDS]


def seconds(page: Page, database: Database) -> float:
    return page.value(f"{_NAME}_sum", datname=database.name, source="monitor")


def await_calls(exporter: Exporter, database: Database, wanted: float) -> Page:
    of = {"datname": database.name, "source": "monitor"}
    return scrape_until(
        exporter, lambda page: page.values(f"{_NAME}_count", **of) == [wanted], f"{wanted} calls"
    )


def test_what_is_new_is_added_over_slices_that_are_dropped(
    database: Database, monitor: StatementMonitor, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(database, **_AT_EACH_SCRAPE)
    monitor.count("10:00", 5, 50)
    page = await_calls(exporter, database, 0)
    assert seconds(page, database) == 0

    monitor.count("10:00", 0.5, 50, 5000)
    monitor.count("10:01", 500)
    page = await_calls(exporter, database, 4)
    assert below(page, database) == [1, 1, 2, 3, 4]
    assert seconds(page, database) == pytest.approx(5.5505)

    monitor.drop("10:00")
    monitor.count("10:01", 2)
    monitor.count("10:10", 2)  # in the place of 10:00
    page = await_calls(exporter, database, 6)
    assert below(page, database) == [1, 3, 4, 5, 6]
    assert page.values(f"{_NAME}_count", datname=database.name, source="statements")


def test_a_reset_never_makes_it_fall(
    database: Database, monitor: StatementMonitor, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(database, **_AT_EACH_SCRAPE)
    monitor.count("10:00", 5, 50)
    await_calls(exporter, database, 0)
    monitor.drop()
    monitor.count("10:00", 5)
    assert below(await_calls(exporter, database, 1), database) == [0, 1, 1, 1, 1]
    monitor.drop()
    assert below(scrape(exporter), database) == [0, 1, 1, 1, 1]
    monitor.count("10:01", 50)
    assert below(await_calls(exporter, database, 2), database) == [0, 1, 2, 2, 2]


def test_what_is_no_finished_statement_of_a_client_is_left_out(
    database: Database, monitor: StatementMonitor, start_exporter: StartExporter
) -> None:
    """The exporter's own, those inside of functions, and those that failed."""
    exporter = start_exporter(database, **_AT_EACH_SCRAPE)
    monitor.count("10:00", 5)
    await_calls(exporter, database, 0)
    monitor.count("10:00", 5, application="pg-migration-exporter")
    monitor.count("10:00", 5, toplevel=False)
    monitor.count("10:00", 0)
    monitor.count("10:00", 5, application=None)
    await_calls(exporter, database, 1)
    assert below(scrape(exporter), database) == [0, 1, 1, 1, 1]


def test_the_watcher_looks_between_scrapes(
    database: Database, monitor: StatementMonitor, start_exporter: StartExporter
) -> None:
    """A slice that comes and goes between two scrapes is counted."""
    monitor.count("10:00", 5)  # before the exporter: what its first read finds is not new
    exporter = start_exporter(database, statements={"interval": "50ms"})
    await_calls(exporter, database, 0)
    database.execute("SELECT pg_stat_statements_reset()")
    monitor.count("10:01", 5)
    reads = "SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE '%get_histogram_timings%'"
    exporter.process.wait_until(lambda: (database.value(reads) or 0) >= 3, 60, "reads")
    monitor.drop()
    await_calls(exporter, database, 1)


def test_where_it_is_not_installed_nothing_is_missing(
    database: Database, start_exporter: StartExporter
) -> None:
    page = scrape(start_exporter(database))
    assert page.values("migration_exporter_collector_success", collector="query_monitor") == []
    assert page.values("migration_exporter_collector_skipped") == []
