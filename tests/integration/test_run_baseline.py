"""The latency before a run is frozen when it begins, and survives a restart of the exporter."""

from __future__ import annotations

from pathlib import Path

from testbed.database import Database
from tests.fixtures.exporters import StartExporter, has_series, scrape, scrape_until

_BASELINE = "migration_baseline_query_duration_seconds"
_HISTORY = (
    "CREATE TABLE databasechangelog (id text, author text, filename text, dateexecuted timestamp,"
    " orderexecuted int, exectype text, md5sum text, description text, comments text, tag text,"
    " liquibase text, contexts text, labels text, deployment_id text)"
)
_LOCK = (
    "CREATE TABLE databasechangeloglock (id int, locked bool, lockgranted timestamp, lockedby text)"
)
_TAKE = "UPDATE databasechangeloglock SET locked = %s, lockgranted = now(), lockedby = 'deployer'"


def test_the_latency_before_a_run(
    database: Database, start_exporter: StartExporter, tmp_path: Path
) -> None:
    database.execute(_HISTORY)
    database.execute(_LOCK)
    database.execute("INSERT INTO databasechangeloglock VALUES (1, false)")
    settings = {"state_directory": str(tmp_path), "watch": {"interval": "500ms"}}
    exporter = start_exporter(database, **settings)
    datname = {"datname": database.name}
    calls = "postgres_query_duration_seconds_count"
    scrape_until(exporter, has_series(calls, **datname), "the statements are watched")
    with database.connect() as application:
        for _ in range(300):
            application.execute("SELECT pg_sleep(0.001)")
    page = scrape_until(
        exporter, lambda page: page.value(calls, **datname) >= 300, "the statements are counted"
    )
    assert page.values(_BASELINE) == []
    with database.connect(application_name="liquibase") as migration:
        migration.execute(_TAKE, [True])
        page = scrape_until(exporter, has_series(_BASELINE, **datname), "the run has begun")
        assert page.status() == "running"
        p95 = page.value(_BASELINE, **datname, group="all", quantile="0.95")
        assert 0.001 <= p95 < 1
        assert 0 < page.value(_BASELINE, **datname, group="all", quantile="0.5") <= p95
        migration.execute(_TAKE, [False])
    exporter.stop()
    again = start_exporter(database, **settings)
    page = scrape_until(again, has_series(_BASELINE, **datname), "it is restored")
    assert page.value(_BASELINE, **datname, quantile="0.95") == p95
    assert scrape(again).value(_BASELINE, **datname, quantile="0.95") == p95
