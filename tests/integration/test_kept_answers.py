"""What is dear is not asked at every scrape, and is on every page."""

from __future__ import annotations

from demo.stack.database import Database
from tests.fixtures.exporters import StartExporter, scrape

_CALLS = """
SELECT sum(calls) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
 WHERE d.datname = current_database() AND query LIKE %s
"""


def test_settings_are_asked_once_for_several_scrapes(
    database: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(database)
    for _ in range(4):
        page = scrape(exporter)
        assert page.value("postgres_setting", name="max_connections") == 100
        assert page.value("postgres_wal_records_total") > 0
    assert database.value(_CALLS, ["%postgres_settings_pending_restart%"]) == 1
    assert database.value(_CALLS, ["%postgres_wal_records_total%"]) >= 4
