"""Expensive queries do not run at every scrape; their results are on every page."""

from __future__ import annotations

from testbed.database import Database
from tests.fixtures.exporters import StartExporter, scrape, scrape_until

_PENDING = "postgres_settings_pending_restart"
_CALLS = """
SELECT sum(calls) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
 WHERE d.datname = current_database() AND query LIKE %s
"""


def test_settings_are_asked_once_for_several_scrapes(
    database: Database, start_exporter: StartExporter
) -> None:
    def calls(name: str) -> int:
        return int(database.value(_CALLS, [f"%{name}%"]))

    # Texts of a database in SQL_ASCII cannot be read from here.
    database.execute("SELECT pg_stat_statements_reset()")
    exporter = start_exporter(database)
    setting = {"name": "max_connections"}
    first = scrape_until(
        exporter, lambda page: page.values("postgres_setting", **setting), "settings are read"
    )
    asked, others = calls(_PENDING), calls("postgres_wal_records_total")
    for _ in range(5):
        assert scrape(exporter).values("postgres_setting") == first.values("postgres_setting")
    assert calls(_PENDING) <= asked + 1  # the collector's minute may have ended
    assert calls("postgres_wal_records_total") == others + 5
