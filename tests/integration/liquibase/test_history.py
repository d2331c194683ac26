"""The history is read where it grew; what else happens to it is noticed all the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pg_migration_exporter.liquibase.history.tables import ROWS_AT_ONCE
from testbed.database import Database
from testbed.exporter import Exporter
from testbed.liquibase import Liquibase
from tests.fixtures.exporters import StartExporter, scrape, scrape_until

_ROWS = 100_000
_APPLIED = "liquibase_changesets_applied"
#: What one look at the rows has cost so far: calls, rows returned, blocks touched.
_COST = (
    "SELECT sum(calls)::int, sum(rows)::int, sum(shared_blks_hit + shared_blks_read)::int"
    " FROM pg_stat_statements JOIN pg_database d ON d.oid = dbid"
    " WHERE datname = current_database() AND query LIKE '%where ctid operator(pg_catalog.>) $1%'"
)


@pytest.fixture
def long_history(database: Database, liquibase: Callable[..., Liquibase]) -> Database:
    assert liquibase("t/case.sql").run("update").returncode == 0
    database.execute(
        "INSERT INTO databasechangelog (id, author, filename, dateexecuted, orderexecuted,"
        " exectype, md5sum, deployment_id) SELECT 'c' || g, 'me', 'a.sql', now(), g + 1,"
        " 'EXECUTED', '9:0', '1234567890' FROM generate_series(1, %s) g",
        [_ROWS],
    )
    database.execute("VACUUM ANALYZE databasechangelog")
    return database


def test_its_length_costs_the_scrape_nothing(
    long_history: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(long_history, watch={"enabled": False})
    await_applied(exporter, _ROWS + 1)
    calls, rows, blocks = long_history.execute(_COST)[0]
    for _ in range(5):
        assert scrape(exporter).value(_APPLIED) == _ROWS + 1
    after = long_history.execute(_COST)[0]

    assert after[0] - calls == 5
    assert after[1] - rows == 0
    assert after[2] - blocks <= 5 * 2


def test_every_kind_of_change_is_noticed(
    long_history: Database, start_exporter: StartExporter
) -> None:
    database, exporter = long_history, start_exporter(long_history)
    await_applied(exporter, _ROWS + 1)

    database.execute(
        "INSERT INTO databasechangelog SELECT 'new', author, filename, dateexecuted, 200000,"
        " exectype, md5sum FROM databasechangelog WHERE id = 'c1'"
    )
    assert scrape(exporter).value(_APPLIED) == _ROWS + 2

    database.execute("DELETE FROM databasechangelog WHERE id = 'c7'")
    await_applied(exporter, _ROWS + 1)

    database.execute("UPDATE databasechangelog SET tag = 'now' WHERE id = 'new'")
    scrape_until(exporter, lambda page: page.values("liquibase_tag_present", tag="now"), "the tag")

    database.execute("VACUUM FULL databasechangelog")
    database.execute("DELETE FROM databasechangelog WHERE id LIKE 'c%'")
    await_applied(exporter, 2)

    database.execute("DROP TABLE databasechangelog")
    scrape_until(exporter, lambda page: page.status() == "not_initialised", "it is gone")


def test_the_widest_rows_fit_into_an_answer(
    database: Database, liquibase: Callable[..., Liquibase], start_exporter: StartExporter
) -> None:
    """A part of the history is limited in rows, and an answer in bytes: four for a character."""
    assert liquibase("t/case.sql").run("update").returncode == 0
    columns = ("id", "author", "filename", "exectype", "md5sum", "tag", "deployment_id")
    widened = ", ".join(f"ALTER {column} TYPE text" for column in columns)
    database.execute(f"ALTER TABLE databasechangelog {widened}")
    database.execute(
        f"INSERT INTO databasechangelog ({', '.join(columns)}, dateexecuted, orderexecuted)"
        " SELECT g || w, w, w, w, w, w, w, now(), g + 1"
        " FROM generate_series(1, %s) g, repeat(U&'\\+01F418', 1000) w",
        [ROWS_AT_ONCE],
    )
    exporter = start_exporter(database)
    assert scrape(exporter).value(_APPLIED) == ROWS_AT_ONCE + 1


def await_applied(exporter: Exporter, count: int) -> None:
    scrape_until(
        exporter,
        lambda page: page.values(_APPLIED) == [count],
        f"{count} changesets",
    )
