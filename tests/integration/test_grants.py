"""sql/grants.sql makes a role that can do its work and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from testbed.database import Database
from testbed.liquibase import Liquibase
from tests.fixtures.exporters import StartExporter, scrape
from tests.fixtures.grants import ROLE, complaints, grant


def test_the_limit_of_connections_stays_as_it_was_set(
    database: Database, watcher: Database
) -> None:
    limit = "SELECT rolconnlimit FROM pg_roles WHERE rolname = %s"
    found = [database.value(limit, [ROLE])]
    for given in ({"connections": "40"}, {}):
        grant(database, exporter=ROLE, **given)
        found.append(database.value(limit, [ROLE]))
    assert found == [4, 40, 40]


def test_a_setting_that_is_refused_is_a_warning_with_its_remedy(database: Database) -> None:
    """As the administrators of managed services are: they make roles and own the database."""
    database.execute("CREATE ROLE manager LOGIN CREATEROLE PASSWORD 'x'")
    database.execute("GRANT pg_monitor TO manager WITH ADMIN OPTION")
    database.execute(f'GRANT CONNECT ON DATABASE "{database.name}" TO manager WITH GRANT OPTION')
    manager = Database(database.port, database.name, "manager", "x")
    try:
        warning, hint = complaints(manager, exporter="watcher").splitlines()
        command = "ALTER ROLE watcher SET pg_stat_statements.track = 'none'"
        assert f"WARNING:  {command}: permission denied" in warning
        assert hint.startswith("HINT:  The exporter's own statements are counted")
        assert hint.endswith(f"run: {command};")
        settings = "SELECT rolconfig FROM pg_roles WHERE rolname = 'watcher'"
        assert database.value(settings) == ["default_transaction_read_only=on"]
        assert database.value("SELECT pg_has_role('watcher', 'pg_monitor', 'MEMBER')")
    finally:
        for role in ("manager", "watcher"):  # the one that granted first
            database.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def test_everything_works_with_it(
    database: Database,
    watcher: Database,
    liquibase: Callable[..., Liquibase],
    start_exporter: StartExporter,
) -> None:
    assert liquibase("t/case.sql").run("update").returncode == 0
    exporter = start_exporter(watcher)
    assert scrape(exporter).status() == "unknown"

    grant(database, exporter=ROLE)
    page = scrape(exporter)
    assert set(page.values("migration_exporter_collector_success")) == {1}
    assert page.status() == "succeeded"
    exporter.stop()


def test_it_can_read_no_table_of_a_user_and_write_nothing(
    database: Database, watcher: Database
) -> None:
    database.execute("CREATE TABLE players (name text)")
    for statement in ("SELECT * FROM players", "CREATE TABLE mine (id int)"):
        with pytest.raises(psycopg.Error) as refused:
            watcher.execute(statement)
        assert refused.value.sqlstate in {"42501", "25006"}


def test_its_statements_are_not_in_the_statistics(
    database: Database, watcher: Database, start_exporter: StartExporter
) -> None:
    database.execute("SELECT pg_stat_statements_reset()")
    exporter = start_exporter(watcher)
    scrape(exporter)
    exporter.stop()
    own = "SELECT count(*) FROM pg_stat_statements WHERE userid = %s::regrole"
    assert database.value(own, [f'"{ROLE.replace(chr(34), chr(34) * 2)}"']) == 0


def test_tables_that_come_later_are_readable_where_the_migrator_is_named(
    database: Database, watcher: Database, liquibase: Callable[..., Liquibase]
) -> None:
    assert liquibase("t/case.sql").run("update").returncode == 0
    grant(database, exporter=ROLE, migrator=database.user)
    database.execute("DROP EXTENSION pg_stat_statements")  # drop-all stumbles over its views
    assert liquibase("t/case.sql").run("drop-all", "--force").returncode == 0
    assert liquibase("t/case.sql").run("update").returncode == 0
    assert watcher.value("SELECT count(*) FROM databasechangelog") == 1
    quoted = ROLE.replace('"', '""')
    database.execute(
        f'ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM "{quoted}"'
    )
