"""The latency histogram against statements whose duration is known."""

from __future__ import annotations

import pytest

from demo.stack.database import Database
from tests.fixtures.exporters import StartExporter, scrape

_NAME = "postgres_query_duration_seconds"


def test_counts_what_ran_between_two_scrapes(
    database: Database, start_exporter: StartExporter
) -> None:
    labels = {"datname": database.name, "source": "statements"}
    exporter = start_exporter(database)
    database.execute("SELECT 1")
    before = scrape(exporter)
    assert before.value(f"{_NAME}_count", **labels) == 0

    with database.connect() as connection:
        for seconds in (0.06, 0.3, 0.3):
            connection.execute("SELECT pg_sleep(%s)", [seconds])
    page = scrape(exporter)

    def below(bound: str) -> float:
        return page.value(f"{_NAME}_bucket", **labels, le=bound)

    slow = page.value(f"{_NAME}_count", **labels) - below("0.05")
    assert slow == pytest.approx(3, abs=0.5)
    assert below("1.0") == below("+Inf") == page.value(f"{_NAME}_count", **labels)
    assert page.value(f"{_NAME}_sum", **labels) >= 0.66


def test_a_reset_never_makes_it_fall(database: Database, start_exporter: StartExporter) -> None:
    labels = {"datname": database.name, "source": "statements"}
    exporter = start_exporter(database)
    scrape(exporter)
    database.execute("SELECT pg_sleep(0.01)")
    before = scrape(exporter)

    database.execute("SELECT pg_stat_statements_reset()")
    database.execute("SELECT pg_sleep(0.01)")
    after = scrape(exporter)

    assert after.value(f"{_NAME}_count", **labels) > before.value(f"{_NAME}_count", **labels)
    for le in ("0.005", "0.05", "+Inf"):
        bucket = f"{_NAME}_bucket"
        assert after.value(bucket, **labels, le=le) >= before.value(bucket, **labels, le=le)
