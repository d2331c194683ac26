"""Long operations while they run, held by a COPY from a client that pauses, or a cost limit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from demo.stack.database import Database
from tests.fixtures.exporters import StartExporter, scrape, scrape_until

_DURATION = "postgres_operation_duration_seconds"


def test_copy_counts_its_rows(database: Database, start_exporter: StartExporter) -> None:
    database.execute("CREATE TABLE quests (id int, title text)")
    exporter = start_exporter(database)
    with (
        database.connect() as client,
        client.cursor() as cursor,
        cursor.copy("COPY quests FROM STDIN") as copy,
    ):
        for number in range(20_000):
            copy.write_row((number, "quest"))
        labels = {"relname": "quests", "operation": "COPY FROM"}
        page = scrape_until(
            exporter,
            lambda page: sum(page.values("postgres_copy_rows", **labels)) > 1000,
            "rows are counted",
        )
    assert page.value(_DURATION, phase="copying", **labels) > 0
    assert page.values("postgres_operation_progress_ratio", **labels) == []
    assert scrape(exporter).values(_DURATION) == []


def test_vacuum_and_analyze(database: Database, start_exporter: StartExporter) -> None:
    database.execute("CREATE TABLE quests AS SELECT generate_series(1, 400000) AS id")
    exporter = start_exporter(database)
    for statement in ("VACUUM", "ANALYZE"):
        with database.connect() as slow, ThreadPoolExecutor(1) as thread:
            slow.execute("SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 10")
            running = thread.submit(slow.execute, f"{statement} quests")
            labels = {"relname": "quests", "operation": statement}
            page = scrape_until(
                exporter,
                lambda page, labels=labels: page.values(
                    "postgres_operation_progress_ratio", **labels
                ),
                statement,
            )
            slow.cancel_safe()
            assert running.exception(timeout=30) is not None
        assert page.value(_DURATION, **labels) > 0
        assert 0 <= page.value("postgres_operation_progress_ratio", **labels) < 1
