"""Facts of tables: exact where nothing is locked, still there where something is."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from testbed.database import Database
from testbed.postgres import Server
from testbed.waiting import wait_until
from tests.fixtures.exporters import Page, StartExporter, scrape, scrape_until

_ALWAYS = {"tables": {"interval": "1ms"}}
_QUESTS = {"schemaname": "public", "relname": "quests"}
_SUCCESS = "migration_exporter_collector_success"
_GRANTS = Path(__file__).parents[2] / "sql/grants.sql"


@pytest.fixture
def quests(database: Database) -> Database:
    """A table with a TOAST table and an index, larger than the catalog knows."""
    database.execute("CREATE TABLE quests (id int PRIMARY KEY, title text)")
    database.execute("INSERT INTO quests SELECT g, repeat('q', 200) FROM generate_series(1, 10) g")
    database.execute("VACUUM ANALYZE quests")
    database.execute(
        "INSERT INTO quests SELECT g, repeat('q', 200) FROM generate_series(11, 5000) g"
    )
    return database


def size(page: Page) -> float:
    return page.value("postgres_table_size_bytes", **_QUESTS)


def test_sizes_and_counters(quests: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(quests, **_ALWAYS)
    quests.execute("SELECT count(*) FROM quests WHERE id = 7")
    page = scrape_until(
        exporter,
        lambda page: page.value("postgres_table_rows_inserted_total", **_QUESTS) == 5000,
        "the statistics arrive",
    )
    assert size(page) == quests.value("SELECT pg_table_size('quests')")
    indexes = quests.value("SELECT pg_indexes_size('quests')")
    assert page.value("postgres_table_indexes_size_bytes", **_QUESTS) == indexes
    assert page.value("postgres_table_size_measured", **_QUESTS) == 1
    assert page.value("postgres_table_live_tuples", **_QUESTS) == 5000
    assert page.value("postgres_table_analyze_age_seconds", **_QUESTS) > 0
    assert page.value("postgres_index_blocks_hit_total", **_QUESTS) > 0
    assert page.value("postgres_tables_other") == 0


def test_bloat_is_what_deleted_rows_leave(quests: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(quests, **_ALWAYS)
    quests.execute("VACUUM ANALYZE quests")
    full = scrape(exporter).value("postgres_table_bloat_ratio", **_QUESTS)
    quests.execute("DELETE FROM quests WHERE id % 4 > 0 AND id < 5000")
    quests.execute("VACUUM ANALYZE quests")
    bloated = scrape(exporter).value("postgres_table_bloat_ratio", **_QUESTS)
    assert full < 0.15
    assert 0.6 < bloated < 0.9


def test_bloat_without_rights_is_the_share_of_dead_rows(
    quests: Database, server: Server, start_exporter: StartExporter
) -> None:
    """As sql/grants.sql leaves it: no SELECT on the table, and so no row in pg_stats."""
    server.run_script(_GRANTS, quests.name, exporter="size_reader")
    server.set_password("size_reader")
    quests.execute("ALTER TABLE quests SET (autovacuum_enabled = false)")
    quests.execute("DELETE FROM quests WHERE id <= 2000")
    page = scrape_until(
        start_exporter(quests.as_user("size_reader"), **_ALWAYS),
        lambda page: page.value("postgres_table_dead_tuples", **_QUESTS) == 2000,
        "the deletions are known",
    )
    assert page.value("postgres_table_bloat_ratio", **_QUESTS) == pytest.approx(0.4, abs=0.02)
    assert page.value("postgres_table_bloat_widths", **_QUESTS) == 0
    full = scrape(start_exporter(quests, **_ALWAYS))
    assert full.value("postgres_table_bloat_widths", **_QUESTS) == 1


def test_the_largest_are_shown_and_the_others_summed(
    quests: Database, start_exporter: StartExporter
) -> None:
    quests.execute("CREATE SCHEMA game")
    for name in ("a", "b", "c"):
        quests.execute(f"CREATE TABLE game.{name} AS SELECT generate_series(1, 10000)")
        quests.execute(f"VACUUM game.{name}")
    page = scrape(start_exporter(quests, tables={"schemas": ["game"], "top": 1}))

    other = {"schemaname": "other", "relname": "other"}
    assert len(page.values("postgres_table_live_tuples", schemaname="game")) == 1
    assert page.values("postgres_table_size_bytes", **_QUESTS) == []
    assert page.value("postgres_tables_other") == 2
    pages = "SELECT 8192 * sum(relpages) FROM pg_class WHERE relname IN ('b', 'c')"
    assert page.value("postgres_table_size_bytes", **other) == quests.value(pages)


@contextmanager
def held(database: Database, statement: str) -> Iterator[None]:
    with database.connect() as migration, migration.transaction():
        migration.execute(statement.encode())
        yield


@contextmanager
def awaited(database: Database, statement: str) -> Iterator[None]:
    """An ALTER waits behind a reader: nobody holds ACCESS EXCLUSIVE, and all wait for it."""
    with ThreadPoolExecutor(1) as thread, held(database, "SELECT * FROM quests LIMIT 1"):
        thread.submit(database.execute, statement)
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        wait_until(lambda: database.value(waiting) == 1, 60, "the ALTER waits")
        yield


@pytest.mark.parametrize(
    ("situation", "statement"),
    [
        (held, "LOCK TABLE quests IN ACCESS EXCLUSIVE MODE"),
        (held, "TRUNCATE quests"),
        (held, "REINDEX INDEX quests_pkey"),
        (awaited, "ALTER TABLE quests ADD COLUMN season int"),
        # Sizes cannot be measured while the statistics of columns are locked: nothing is lost.
        (held, "LOCK TABLE pg_catalog.pg_statistic IN ACCESS EXCLUSIVE MODE"),
    ],
)
def test_a_lock_makes_sizes_estimates(
    quests: Database, start_exporter: StartExporter, situation: type, statement: str
) -> None:
    exporter = start_exporter(quests, **_ALWAYS)
    measured = scrape(exporter)
    with situation(quests, statement):
        locked = scrape(exporter)
    after = scrape(exporter)

    for page in (measured, locked, after):
        assert page.value(_SUCCESS, collector="tables") == 1
    assert size(locked) < size(measured)
    assert locked.value("postgres_table_size_measured", **_QUESTS) == 0
    assert after.value("postgres_table_size_measured", **_QUESTS) == 1


def test_an_import_is_counted_while_it_runs(
    quests: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(quests)
    name = "postgres_table_rows_inserted_total"
    shown = [scrape(exporter).value(name, **_QUESTS)]

    def is_counted(page: Page) -> bool:
        shown.append(page.value(name, **_QUESTS))
        return shown[-1] > 6000

    with (
        quests.connect() as client,
        client.cursor() as cursor,
        cursor.copy("COPY quests FROM STDIN") as copy,
    ):
        for number in range(20_000):
            copy.write_row((10_000 + number, "quest"))
        scrape_until(exporter, is_counted, "the rows are counted")
    scrape_until(exporter, lambda page: is_counted(page) and shown[-1] == 25_000, "all of them")
    assert shown == sorted(shown)


def test_an_import_row_by_row_is_counted(quests: Database, start_exporter: StartExporter) -> None:
    """Each INSERT a transaction of its own; a session reports its rows once a second."""
    exporter = start_exporter(quests)
    name = "postgres_table_rows_inserted_total"
    before = scrape_until(
        exporter, lambda page: page.value(name, **_QUESTS) == 5000, "the statistics arrive"
    )
    with quests.connect() as client:
        for number in range(500):
            client.execute("INSERT INTO quests VALUES (%s)", [10_000 + number])
        during = scrape(exporter)
    after = scrape_until(
        exporter, lambda page: page.value(name, **_QUESTS) == 5500, "every row is counted"
    )
    values = [page.value(name, **_QUESTS) for page in (before, during, after)]
    assert values == sorted(values)
