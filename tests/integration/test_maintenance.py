"""Vacuum that is due, indexes that are used or not, functions that are called."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testbed.database import Database
from testbed.postgres import Server
from tests.fixtures.exporters import StartExporter, scrape, scrape_until

#: Uses up transaction ids, one for each subtransaction.
_BURN = """
DO $$ BEGIN
    FOR i IN 1..100100 LOOP
        BEGIN INSERT INTO burned VALUES (i); EXCEPTION WHEN OTHERS THEN RAISE; END;
    END LOOP;
END $$
"""


@pytest.fixture
def quests(tuned_server: Server) -> Iterator[Database]:
    """A database of the server that never vacuums by itself, with a table of 10,000 rows."""
    database = tuned_server.create_database("maintained")
    database.execute("CREATE TABLE quests (id int PRIMARY KEY, stage int)")
    database.execute("INSERT INTO quests SELECT g, g % 10 FROM generate_series(1, 10000) g")
    yield database
    tuned_server.drop_database("maintained")


def test_tables_that_vacuum_is_due_for(quests: Database, start_exporter: StartExporter) -> None:
    for name in ("due", "disabled", "raised"):
        quests.execute(f"CREATE TABLE {name} AS SELECT generate_series(1, 1000) AS id")
        quests.execute(f"DELETE FROM {name} WHERE id <= 900")
    quests.execute("ALTER TABLE disabled SET (autovacuum_enabled = false)")
    quests.execute("ALTER TABLE raised SET (autovacuum_vacuum_threshold = 5000)")
    dead = "SELECT count(*) FROM pg_stat_user_tables WHERE n_dead_tup = 900"
    names = {"datname": quests.name}
    scrape_until(
        start_exporter(quests),
        lambda page: page.values("postgres_table_dead_tuples", **names).count(900) == 3,
        "the deletions are known",
    )
    assert quests.value(dead) == 3
    page = scrape(start_exporter(quests))
    assert page.value("postgres_vacuum_tables_due", **names) == 1
    assert page.value("postgres_vacuum_tables_disabled", **names) == 1
    assert page.value("postgres_vacuum_tables_freeze_due", **names) == 0
    # quests has 10,000 new rows too.
    assert page.value("postgres_analyze_tables_due", **names) == 3
    quests.execute("ANALYZE")
    page = scrape(start_exporter(quests))
    assert page.value("postgres_analyze_tables_due", **names) == 0


def test_a_table_that_must_be_frozen(quests: Database, start_exporter: StartExporter) -> None:
    quests.execute("ALTER TABLE quests SET (autovacuum_freeze_max_age = 100000)")
    quests.execute("CREATE TABLE burned (id int)")
    quests.execute(_BURN)
    page = scrape(start_exporter(quests))
    assert page.value("postgres_vacuum_tables_freeze_due", datname=quests.name) == 1


def test_indexes_that_are_used_and_unused(quests: Database, start_exporter: StartExporter) -> None:
    quests.execute("CREATE INDEX quests_stage ON quests (stage)")
    quests.execute("VACUUM ANALYZE quests")
    for number in range(3):
        quests.execute(
            "SELECT * FROM quests WHERE id = %s", [number], options="-c enable_seqscan=off"
        )
    index = {"datname": quests.name, "relname": "quests", "indexrelname": "quests_pkey"}
    database = {"datname": quests.name}
    known = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'quests_pkey'"
    page = scrape_until(
        start_exporter(quests),
        lambda page: page.value("postgres_table_index_scans_total", relname="quests") == 3,
        "the scans are counted",
    )
    assert quests.value(known) == 3
    page = scrape(start_exporter(quests))
    assert page.value("postgres_index_scans_total", **index) == 3
    assert page.value("postgres_index_rows_fetched_total", **index) == 2  # there is no quest 0
    size = quests.value("SELECT pg_relation_size('quests_pkey')")
    assert page.value("postgres_index_size_bytes", **index) == size
    assert page.value("postgres_indexes_unused", **database) == 1
    size = quests.value("SELECT pg_relation_size('quests_stage')")
    assert page.value("postgres_indexes_unused_bytes", **database) == size


def test_indexes_beyond_the_largest_are_one_sum(
    quests: Database, start_exporter: StartExporter
) -> None:
    quests.execute("CREATE INDEX quests_stage ON quests (stage)")
    quests.execute("VACUUM quests")
    page = scrape(start_exporter(quests, tables={"top": 1}))
    shown = page.families["postgres_index_size_bytes"].samples
    indexes = "FROM pg_class WHERE relname IN ('quests_pkey', 'quests_stage')"
    [(largest, _), (_, other)] = quests.execute(
        f"SELECT relname, relpages * 8192 {indexes} ORDER BY relpages DESC"
    )
    assert {sample.labels["indexrelname"] for sample in shown} == {largest, "other"}
    assert page.value("postgres_index_size_bytes", indexrelname="other") == other
    assert len(page.values("postgres_index_scans_total")) == 1


def test_functions_are_off_until_they_are_asked_for(
    quests: Database, start_exporter: StartExporter
) -> None:
    quests.execute(
        "CREATE FUNCTION finish(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'"
    )
    for number in range(3):
        quests.execute("SELECT finish(%s)", [number])
    assert "postgres_function_calls_total" not in scrape(start_exporter(quests)).text
    exporter = start_exporter(quests, collectors={"enabled": ["functions"]})
    names = {"datname": quests.name, "schemaname": "public", "funcname": "finish"}
    calls = "postgres_function_calls_total"
    page = scrape_until(exporter, lambda page: page.values(calls, **names) == [3], "three calls")
    assert page.value("postgres_function_self_seconds_total", **names) > 0
