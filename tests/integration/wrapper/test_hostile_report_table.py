"""A report table that somebody else made first: it is neither written nor read."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.liquibase.reports import table as report_table
from pg_migration_exporter.liquibase.wrapper.sinks import TableSink
from testbed.database import Database
from testbed.postgres import Server
from tests.fixtures.exporters import StartExporter, scrape
from tests.fixtures.grants import HOSTILE, ROLE
from tests.fixtures.reports import make_report

_SCHEMA = """
CREATE SCHEMA migration_exporter;
GRANT USAGE ON SCHEMA migration_exporter TO PUBLIC;
CREATE FUNCTION migration_exporter.planted(text DEFAULT '') RETURNS bool LANGUAGE plpgsql AS
  $$BEGIN RAISE LOG 'planted code runs as %', current_user; RETURN true; END$$;
CREATE FUNCTION migration_exporter.moment() RETURNS timestamptz LANGUAGE plpgsql AS
  $$BEGIN RAISE LOG 'planted code runs as %', current_user; RETURN now(); END$$;
CREATE FUNCTION migration_exporter.fire() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN RAISE LOG 'planted code runs as %', current_user; RETURN NEW; END$$;
"""
_TABLE = """
CREATE TABLE migration_exporter.report (
    run_id uuid PRIMARY KEY, started timestamptz NOT NULL,
    updated timestamptz NOT NULL DEFAULT clock_timestamp(), report jsonb NOT NULL);
"""
_TRIGGER = (
    "CREATE TRIGGER t BEFORE INSERT ON migration_exporter.report FOR EACH ROW"
    " EXECUTE FUNCTION migration_exporter.fire()"
)
_DEFAULT = (
    "ALTER TABLE migration_exporter.report ALTER updated SET DEFAULT migration_exporter.moment()"
)
_POLICY = (
    "ALTER TABLE migration_exporter.report ENABLE ROW LEVEL SECURITY;"
    " CREATE POLICY p ON migration_exporter.report USING (migration_exporter.planted())"
)
_CHECK = "ALTER TABLE migration_exporter.report ADD CHECK (migration_exporter.planted('x'))"
_VIEW = """
CREATE VIEW migration_exporter.report AS
  SELECT gen_random_uuid() AS run_id, now() AS started, now() AS updated, '{}'::jsonb AS report
   WHERE migration_exporter.planted()
"""
_GRANT = "GRANT ALL ON migration_exporter.report TO PUBLIC"

#: What its owner adds to the table, and why it is not written where its owner is trusted.
PLANTS = {
    "trigger": (_TRIGGER, "has a trigger"),
    "default": (_DEFAULT, "has a default with a function of a user"),
    "policy": (_POLICY, "has row security"),
    "check": (_CHECK, "has an index, a constraint or statistics with a function of a user"),
}


@pytest.fixture
def migrator(database: Database) -> Iterator[Database]:
    database.execute("CREATE ROLE quests_migrator LOGIN PASSWORD 'x'")
    yield Database(database.port, database.name, "quests_migrator", "x")
    database.execute("DROP OWNED BY quests_migrator; DROP ROLE quests_migrator")


def refusal(migrator: Database) -> str:
    """Why a report is not written."""
    conninfo = migrator.conninfo(options="-c search_path=pg_catalog,pg_temp")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        sink = TableSink(lambda: conninfo, _connection=connection)
        with pytest.raises((ConfigError, psycopg.Error)) as refused:
            sink.send(make_report())
    return str(refused.value)


def runs(server: Server, database: Database) -> list[str]:
    log = server.process.output().splitlines()
    return [
        line for line in log if f"db={database.name} " in line and "planted code runs as" in line
    ]


def test_a_table_of_a_stranger_is_not_written(
    server: Server, database: Database, mallory: Database, migrator: Database
) -> None:
    for plant, _ in PLANTS.values():
        mallory.execute(f"{_SCHEMA}; {_TABLE}; {plant}; {_GRANT}")
        assert refusal(migrator).startswith(f"it is in a schema of {HOSTILE}: drop it")
        mallory.execute("DROP SCHEMA migration_exporter CASCADE")
    assert runs(server, database) == []


def test_a_table_of_a_stranger_is_not_read(
    server: Server,
    watcher: Database,
    mallory: Database,
    start_exporter: StartExporter,
) -> None:
    exporter = start_exporter(watcher, reports={"table": True})
    for made in (f"{_TABLE}; {_POLICY}", _VIEW):
        mallory.execute(f"{_SCHEMA}; {made}; {_GRANT}")
        page = scrape(exporter)
        assert page.value("migration_exporter_left_out", what="untrusted_tables") == 1
        assert set(page.values("migration_exporter_collector_success")) == {1}
        mallory.execute("DROP SCHEMA migration_exporter CASCADE")
    assert "table migration_exporter.report is not read: it belongs to mallory" in (
        exporter.process.output()
    )
    assert runs(server, watcher) == []


def test_a_table_that_runs_code_is_not_written_whoever_owns_it(
    server: Server, database: Database, migrator: Database
) -> None:
    for plant, why in PLANTS.values():
        database.execute(f"{_SCHEMA}; {_TABLE}; {plant}; {_GRANT}")
        assert refusal(migrator).startswith(f"it {why}: drop it")
        database.execute("DROP SCHEMA migration_exporter CASCADE")
    assert runs(server, database) == []


def test_the_printed_sql_does_not_take_over_what_a_stranger_made(
    server: Server, database: Database, watcher: Database, mallory: Database
) -> None:
    """Nor does it call what its author has made for it, from its first line on."""
    sql = report_table.create_table_sql([HOSTILE], [ROLE])
    assert sql.startswith("SET search_path = pg_catalog, pg_temp;\n")
    mallory.execute(f"{_SCHEMA}; {_TABLE}; {_TRIGGER}")
    with pytest.raises(psycopg.errors.RaiseException, match="is in a schema of mallory"):
        database.execute(sql)
    granted = "SELECT has_table_privilege(%s, 'migration_exporter.report', 'select')"
    assert database.value(granted, [ROLE]) is False
    mallory.execute("DROP SCHEMA migration_exporter CASCADE")
    database.execute(sql)
    assert database.value(granted, [ROLE]) is True
    database.execute("DROP SCHEMA migration_exporter CASCADE")
    assert runs(server, database) == []
