"""Objects beside an extension that have names of its newer versions: they are not its own."""

from __future__ import annotations

from testbed.database import Database
from testbed.postgres import Server
from tests.fixtures.exporters import EVERY_COLLECTOR, StartExporter, scrape
from tests.fixtures.grants import HOSTILE


def test_a_view_that_an_old_version_lacks_is_not_read(
    server: Server,
    database: Database,
    watcher: Database,
    mallory: Database,
    start_exporter: StartExporter,
) -> None:
    """Whoever may create objects in the schema of the extension plants what came with 1.9."""
    database.execute(
        "DROP EXTENSION pg_stat_statements; CREATE SCHEMA stats;"
        f" GRANT USAGE, CREATE ON SCHEMA stats TO {HOSTILE}; GRANT USAGE ON SCHEMA stats TO PUBLIC;"
        " CREATE EXTENSION pg_stat_statements SCHEMA stats VERSION '1.8'"
    )
    mallory.execute(
        "CREATE FUNCTION stats.planted() RETURNS timestamptz LANGUAGE plpgsql AS"
        " $$BEGIN RAISE LOG 'planted code runs as %', current_user; RETURN now(); END$$;"
        " CREATE VIEW stats.pg_stat_statements_info AS"
        " SELECT 0::int8 AS dealloc, stats.planted() AS stats_reset;"
        " CREATE VIEW stats.pg_stat_monitor AS SELECT stats.planted() AS bucket_start_time;"
        " GRANT SELECT ON ALL TABLES IN SCHEMA stats TO PUBLIC"
    )
    exporter = start_exporter(watcher, **EVERY_COLLECTOR)
    page = scrape(exporter)
    skipped = "migration_exporter_collector_skipped"
    assert page.value(skipped, collector="query_duration", reason="outdated_extension") == 1
    log = server.process.output().splitlines()
    assert [line for line in log if f"db={database.name} LOG:  planted" in line] == []
