"""The exporter itself is asked to end."""

from __future__ import annotations

from testbed.database import Database
from testbed.waiting import wait_until
from tests.fixtures.exporters import StartExporter, scrape

_OWN = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg-migration-exporter'"


def test_terminates_cleanly(database: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(database)
    scrape(exporter)

    exporter.stop()
    assert exporter.process.returncode == 0
    assert "stopped" in exporter.process.output()
    assert "Traceback" not in exporter.process.output()
    wait_until(lambda: database.value(_OWN) == 0, 60, "the exporter's sessions are gone")
