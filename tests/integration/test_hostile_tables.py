"""Tables that look like Liquibase's and run code of their owner: they are never read.

Each is planted by a role that may create schemas. Its function writes a line to the server's log
when it runs, whatever becomes of the transaction.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable

import psycopg
import pytest

from pg_migration_exporter.liquibase.history.tables import DISCOVER_BY_NAME, read_tables
from pg_migration_exporter.postgres.statement import Statement
from testbed.database import Database
from testbed.liquibase import Liquibase
from testbed.postgres import Server
from testbed.programs import exporter_command
from tests.fixtures.exporters import StartExporter, scrape, scrape_until
from tests.fixtures.grants import HOSTILE, ROLE, grant
from tests.fixtures.sessions import session_of

_FUNCTIONS = """
CREATE SCHEMA planted;
GRANT USAGE ON SCHEMA planted TO PUBLIC;
CREATE FUNCTION planted.run(text DEFAULT '') RETURNS bool LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RAISE LOG 'planted code runs as %', current_user;
  RETURN true;
END $$;
CREATE FUNCTION planted.fold(text DEFAULT '') RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RAISE LOG 'planted code runs as %', current_user;
  RETURN true;
END $$;
CREATE TYPE planted.moment AS (at timestamp);
CREATE FUNCTION planted.cast(planted.moment) RETURNS timestamp LANGUAGE plpgsql AS $$
BEGIN
  PERFORM planted.run();
  RETURN now()::timestamp;
END $$;
CREATE CAST (planted.moment AS timestamp) WITH FUNCTION planted.cast(planted.moment) AS
  IMPLICIT;
CREATE TYPE planted.word AS (word text);
CREATE FUNCTION planted.cast(planted.word) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM planted.run();
  RETURN '4.20';
END $$;
CREATE CAST (planted.word AS text) WITH FUNCTION planted.cast(planted.word) AS IMPLICIT;
CREATE DOMAIN planted.short AS text CHECK (planted.run(VALUE));
"""

_HISTORY_COLUMNS = (
    "id text NOT NULL, author text NOT NULL, filename text NOT NULL, dateexecuted timestamp NOT"
    " NULL, orderexecuted int NOT NULL, exectype text NOT NULL, md5sum text, tag text,"
    " deployment_id text"
)
_LOCK_COLUMNS = "id int NOT NULL, locked bool NOT NULL, lockgranted timestamp, lockedby text"
_HISTORY = f"CREATE TABLE databasechangelog ({_HISTORY_COLUMNS})"
_LOCK = f"CREATE TABLE databasechangeloglock ({_LOCK_COLUMNS})"
_ROW = "('1', 'm', 'a.sql', now(), 1, 'EXECUTED')"
_ROWS = (
    "INSERT INTO databasechangelog (id, author, filename, dateexecuted, orderexecuted, exectype)"
    f" VALUES {_ROW}; INSERT INTO databasechangeloglock VALUES (1, false, null, null)"
)

ORDINARY, SECURITY = "is not an ordinary table", "has row security"
TYPES = "has a column of another type than Liquibase creates"
FUNCTIONS = "has an index, a constraint or statistics with a function of a user"

#: What is planted, and why it is not read although its owner is trusted.
PLANTS: dict[str, tuple[str, str]] = {
    "with_policy": (
        f"{_HISTORY}; {_LOCK}; {_ROWS}; ALTER TABLE databasechangelog ENABLE ROW LEVEL SECURITY;"
        " CREATE POLICY p ON databasechangelog USING (planted.run(id))",
        SECURITY,
    ),
    "with_composite": (
        f"{_HISTORY.replace('dateexecuted timestamp', 'dateexecuted planted.moment')}; {_LOCK};"
        f" {_ROWS.replace('now()', 'row(now())::planted.moment')}",
        TYPES,
    ),
    "with_text": (
        f"{_HISTORY.replace('tag text', 'tag text, liquibase planted.word')}; {_LOCK}; {_ROWS}",
        TYPES,
    ),
    "with_domain": (
        f"{_HISTORY.replace('tag text', 'tag planted.short')}; {_LOCK}; {_ROWS}",
        TYPES,
    ),
    "with_view": (
        "CREATE VIEW databasechangelog AS SELECT id, 'm'::text AS author, 'a.sql'::text AS"
        " filename, now()::timestamp AS dateexecuted, 1 AS orderexecuted, 'EXECUTED'::text AS"
        " exectype, null::text AS md5sum, null::text AS tag, null::text AS deployment_id"
        f" FROM (VALUES ('1'::text)) v (id) WHERE planted.run(id); {_LOCK}",
        ORDINARY,
    ),
    "with_partitioned": (
        f"{_HISTORY} PARTITION BY LIST (id); {_LOCK};"
        " CREATE TABLE part PARTITION OF databasechangelog FOR VALUES IN ('1');"
        f" {_ROWS}",
        ORDINARY,
    ),
    "with_parent": (
        f"{_HISTORY}; {_LOCK}; {_ROWS}; CREATE TABLE child () INHERITS (databasechangelog)",
        ORDINARY,
    ),
    "with_index": (
        f"{_HISTORY}; {_LOCK}; {_ROWS};"
        " CREATE INDEX ON databasechangelog (id) WHERE planted.fold('x')",
        FUNCTIONS,
    ),
    "with_statistics": (
        f"{_HISTORY}; {_LOCK}; {_ROWS}; CREATE STATISTICS s ON (planted.fold('x')), (id || 'x')"
        " FROM databasechangelog",
        FUNCTIONS,
    ),
    "with_constraint": (
        f"{_HISTORY}; {_LOCK}; {_ROWS}; ALTER TABLE databasechangelog ADD CHECK"
        " (planted.fold('x'))",
        FUNCTIONS,
    ),
}


def plant(mallory: Database, name: str) -> None:
    """Create the tables of one plant in a schema of its name, readable for everybody."""
    script, _ = PLANTS[name]
    mallory.execute(
        f"CREATE SCHEMA {name}; SET search_path = {name}; {script};"
        f" GRANT USAGE ON SCHEMA {name} TO PUBLIC;"
        f" GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO PUBLIC"
    )


@pytest.fixture
def planted(database: Database, mallory: Database, liquibase: Callable[..., Liquibase]) -> Database:
    """A database with a migration of its owner, and all plants."""
    assert liquibase("t/case.sql").run("update").returncode == 0
    grant(database, exporter=ROLE)
    # Its owner may change defaults of the planner.
    database.execute(f'ALTER DATABASE "{database.name}" SET constraint_exclusion = on')
    mallory.execute(_FUNCTIONS)
    for name in PLANTS:
        plant(mallory, name)
    return database


def runs(server: Server) -> list[str]:
    """The planted code that ran in sessions of the exporter."""
    return [line for line in server.process.output().splitlines() if f"runs as {ROLE}" in line]


def test_tables_of_strangers_are_not_read(
    server: Server, watcher: Database, planted: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(watcher)
    page = scrape(exporter)
    assert set(page.values("migration_exporter_collector_success")) == {1}
    assert page.status() == "succeeded"
    [changelog] = {
        sample.labels["changelog"]
        for sample in page.samples
        if sample.name == "liquibase_migration_status"
    }
    assert changelog == "public.databasechangelog"
    left_out = page.value("migration_exporter_left_out", what="untrusted_tables")
    assert left_out >= len(PLANTS)
    log = exporter.process.output()
    for name in PLANTS:
        why = f"it belongs to {HOSTILE}, which is not trusted"
        assert f"table {name}.databasechangelog is not read: {why}" in log
    assert runs(server) == []


def test_the_check_of_the_configuration_says_which_and_why(
    watcher: Database, planted: Database
) -> None:
    command = [str(exporter_command()), "serve", "--check-config", "--dsn", watcher.conninfo()]
    checked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert checked.returncode == 0, checked.stderr
    for name in PLANTS:
        why = f"it belongs to {HOSTILE}, which is not trusted"
        assert f"warning: table {name}.databasechangelog is not read: {why}" in checked.stdout


def test_where_no_table_is_trusted_the_state_is_not_known(
    database: Database, watcher: Database, mallory: Database, start_exporter: StartExporter
) -> None:
    """Neither migrated nor never migrated: no answer is not fine."""
    mallory.execute(_FUNCTIONS)
    exporter = start_exporter(watcher)
    assert scrape(exporter).status() == "not_initialised"
    plant(mallory, "with_policy")
    assert scrape(exporter).status() == "unknown"


@pytest.mark.parametrize("replacement", ["view", "policy", "owner"])
def test_a_table_that_is_replaced_after_it_was_found_is_not_read(
    server: Server, database: Database, watcher: Database, mallory: Database, replacement: str
) -> None:
    """Between the search and the read: the guard finds it in the transaction of the read."""
    database.execute(f"{_HISTORY}; {_LOCK}; {_ROWS}")
    grant(database, exporter=ROLE)
    mallory.execute(_FUNCTIONS)
    swap = {
        "view": "DROP TABLE databasechangelog; CREATE VIEW databasechangelog AS"
        " SELECT '1'::text AS id WHERE planted.run()",
        "policy": "ALTER TABLE databasechangelog ENABLE ROW LEVEL SECURITY;"
        " CREATE POLICY p ON databasechangelog USING (planted.run(id))",
        "owner": f"ALTER TABLE databasechangelog OWNER TO {HOSTILE}",
    }

    async def read() -> None:
        session = await session_of(watcher)
        tables = read_tables(await session.query(DISCOVER_BY_NAME.for_version(150000)))
        [history] = [table.guarded for table in tables if not table.is_lock]
        statement = Statement(f"select id from only {history.quoted}")
        answer = await session.query_in_transaction(*history.guards(), statement)
        assert answer.rows == [("1",)]
        database.execute(f"{swap[replacement]}; GRANT SELECT ON databasechangelog TO PUBLIC")
        with pytest.raises(psycopg.errors.DivisionByZero):
            await session.query_in_transaction(*history.guards(), statement)
        assert session.is_open
        await session.close()

    asyncio.run(read())
    assert runs(server) == []


def test_types_that_administrators_make_of_it_are_read(
    database: Database, watcher: Database, start_exporter: StartExporter
) -> None:
    database.execute(
        f"{_HISTORY}; {_LOCK}; {_ROWS};"
        " ALTER TABLE databasechangelog ALTER id TYPE char(20), ALTER author TYPE varchar(9),"
        " ALTER dateexecuted TYPE timestamptz, ALTER orderexecuted TYPE bigint,"
        " ADD description text, ADD note xml;"
        " ALTER TABLE databasechangeloglock ALTER id TYPE smallint, ALTER lockgranted TYPE"
        " timestamptz, ALTER lockedby TYPE char(99), ADD PRIMARY KEY (id);"
        " CREATE INDEX ON databasechangelog (lower(id)) WHERE tag IS NOT NULL"
    )
    grant(database, exporter=ROLE)
    assert scrape(start_exporter(watcher)).status() == "succeeded"


def test_tables_that_run_code_are_not_read_whoever_owns_them(
    server: Server, watcher: Database, planted: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(watcher, liquibase={"trusted_owners": ["mal*"]})
    scrape_until(
        exporter,
        lambda page: page.status("public.databasechangelog") == "succeeded",
        "the others are read",
    )
    log = exporter.process.output()
    for name, (_, why) in PLANTS.items():
        assert f"table {name}.databasechangelog is not read: it {why}" in log
    assert runs(server) == []
