"""Several databases of one server, watched over few connections."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import yaml

from testbed.database import Database
from testbed.liquibase import Liquibase
from testbed.postgres import Server
from testbed.programs import exporter_command
from testbed.waiting import wait_until
from tests.fixtures.exporters import Page, StartExporter, scrape, scrape_until
from tests.fixtures.migrations import CHANGELOG

_UP = "migration_exporter_database_up"
_numbers = count(1)

#: Sessions of each exporter in each database.
_SESSIONS = """
SELECT datname, count(*) FROM pg_stat_activity WHERE application_name = %s GROUP BY datname
"""


@pytest.fixture
def databases(server: Server) -> Iterator[list[Database]]:
    """Three databases with a table each, whose names begin alike."""
    prefix = f"many{next(_numbers)}_"
    found = [server.create_database(f"{prefix}{name}") for name in ("a", "b", "c")]
    for database in found:
        database.execute("CREATE TABLE quests AS SELECT generate_series(1, 10) AS id")
    yield found
    for database in found:
        server.drop_database(database.name)


def pattern(databases: list[Database]) -> str:
    return databases[0].name.rpartition("_")[0] + "_*"


def all_up(*databases: Database) -> Callable[[Page], bool]:
    """Each of these databases answers, and no other."""
    names = {database.name for database in databases}
    return lambda page: (
        {sample.labels["datname"] for sample in page.samples if sample.name == _UP and sample.value}
        == names
    )


def test_page_holds_every_database_once(
    databases: list[Database], start_exporter: StartExporter
) -> None:
    exporter = start_exporter(databases[0], databases={"include": [pattern(databases)]})
    page = scrape_until(exporter, all_up(*databases), "all databases answer")

    for database in databases:
        tables = page.values("postgres_table_live_tuples", datname=database.name, relname="quests")
        assert len(tables) == 1
        [state] = [
            sample.value
            for sample in page.samples
            if sample.name == "liquibase_migration_status"
            and sample.labels["datname"] == database.name
            and sample.labels["status"] == "not_initialised"
        ]
        assert state == 1
    assert set(page.values("migration_exporter_collector_success")) == {1}
    series = [line.rpartition(" ")[0] for line in page.text.splitlines() if line[0] != "#"]
    assert len(series) == len(set(series))
    headers = [line for line in page.text.splitlines() if line.startswith("# TYPE")]
    assert len(headers) == len(set(headers))


def test_cluster_wide_facts_are_asked_once(
    databases: list[Database], start_exporter: StartExporter
) -> None:
    for database in databases:
        database.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    exporter = start_exporter(databases[0], databases={"include": [pattern(databases)]})
    scrape_until(exporter, all_up(*databases), "all databases answer")
    calls = (
        "SELECT datname, calls FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid"
        " WHERE query LIKE '%%postgres_connections_max%%' AND datname = ANY(%s)"
        " AND query NOT LIKE '%%pg_stat_statements%%'"
    )
    names = [database.name for database in databases]
    assert [name for name, _ in databases[0].execute(calls, [names])] == names[:1]


def test_two_connections_to_a_database(
    databases: list[Database], start_exporter: StartExporter
) -> None:
    name = f"bounded_{databases[0].name}"
    dsn = databases[0].conninfo(application_name=name)
    exporter = start_exporter(postgres={"dsn": dsn}, databases={"include": [pattern(databases)]})
    scrape_until(exporter, all_up(*databases), "all databases answer")

    def sessions() -> dict[str, int]:
        return dict(databases[0].execute(_SESSIONS, [name]))

    most = {database.name: 2 for database in databases}
    wait_until(lambda: sessions() == most, 30, "scrapes and watcher are connected")
    for _ in range(20):
        scrape(exporter)
        assert sessions() == most
    assert scrape(exporter).value("migration_exporter_connections") == 6


def test_the_log_says_which_database_of_which_target(
    server: Server, databases: list[Database], start_exporter: StartExporter
) -> None:
    main, other, _ = databases
    role = f"{main.name}_nobody"
    server.create_role(role)
    target = {
        "name": "quests",
        "postgres": {"dsn": main.as_user(role).conninfo()},
        "databases": {"include": [other.name]},
    }
    exporter = start_exporter(targets=[target], watch={"enabled": False})
    try:
        scrape(exporter, "quests")
        output = exporter.process.output()
    finally:
        exporter.stop()
        server.database().execute(f"DROP ROLE {role}")
    assert f"target quests: connected to database {main.name} of PostgreSQL" in output
    assert "target quests: collector tables cannot run" in output
    there = f"target quests: database {other.name}: "
    assert f"{there}connected to database {other.name} of PostgreSQL" in output
    assert f"{there}collector tables cannot run" in output


def test_databases_come_and_go(
    server: Server, databases: list[Database], start_exporter: StartExporter
) -> None:
    exporter = start_exporter(databases[0], databases={"include": [pattern(databases)]})
    scrape_until(exporter, all_up(*databases), "all databases answer")

    server.drop_database(databases[1].name)
    scrape_until(exporter, all_up(databases[0], databases[2]), "the dropped one is gone")
    page = scrape(exporter)
    assert page.values("postgres_table_live_tuples", datname=databases[1].name) == []
    assert page.values("liquibase_migration_status", datname=databases[1].name) == []

    server.create_database(databases[1].name)
    scrape_until(exporter, all_up(*databases), "the new one is there")


def test_a_database_can_be_dropped_without_force(
    databases: list[Database], start_exporter: StartExporter
) -> None:
    """DROP DATABASE waits some seconds for the sessions of others: ours make way."""
    main, dropped, _ = databases
    exporter = start_exporter(
        main,
        databases={"include": [dropped.name]},
        watch={"interval": "500ms", "busy_interval": "100ms"},
    )
    scrape_until(exporter, all_up(main, dropped), "both answer")
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
    wait_until(lambda: main.value(sessions, [dropped.name]) == 2, 30, "scrapes and watcher are in")
    main.execute(f"DROP DATABASE {dropped.name}")
    page = scrape_until(
        exporter, lambda page: page.values(_UP, datname=dropped.name) == [0], "it is missed"
    )
    assert page.value("postgres_up") == 1


def test_words_of_anybody_do_not_make_the_exporter_reconnect(
    server: Server, databases: list[Database], start_exporter: StartExporter
) -> None:
    """A statement with the text of DROP DATABASE drops nothing."""
    main, other, _ = databases
    exporter = start_exporter(
        main,
        databases={"include": [other.name]},
        watch={"interval": "500ms", "busy_interval": "100ms"},
    )
    scrape_until(exporter, all_up(main, other), "both answer")
    sessions = (
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'pg-migration-exporter'"
        " AND datname IN (%s, %s) ORDER BY pid"
    )
    names = [main.name, other.name]
    wait_until(lambda: len(server.database().execute(sessions, names)) == 4, 30, "all are in")
    before = server.database().execute(sessions, names)
    anybody = server.database()
    anybody.execute(f"SELECT 'drop database {main.name}, {other.name}', pg_sleep(2)")
    assert server.database().execute(sessions, names) == before


def test_what_is_excluded_beyond_the_limit_or_missing_is_said(
    databases: list[Database], start_exporter: StartExporter
) -> None:
    main, second, third = databases
    one = start_exporter(main, databases={"include": [pattern(databases)], "exclude": ["*_b"]})
    scrape_until(one, all_up(main, third), "the excluded one is left alone")

    other = start_exporter(
        main, databases={"include": [pattern(databases), "no_such_database"], "limit": 2}
    )
    page = scrape_until(other, all_up(main, second), "two databases answer")
    assert page.value("migration_exporter_databases_left_out") == 1
    assert page.value(_UP, datname="no_such_database") == 0


def test_one_database_that_fails_costs_itself_alone(
    server: Server, databases: list[Database], start_exporter: StartExporter
) -> None:
    exporter = start_exporter(databases[0], databases={"include": [pattern(databases)]})
    scrape_until(exporter, all_up(*databases), "all databases answer")
    broken = databases[1].name
    server.database().execute(f"ALTER DATABASE {broken} CONNECTION LIMIT 0")
    server.create_role(f"role_{broken}")
    limited = databases[0].as_user(f"role_{broken}")
    server.database().execute(f"GRANT pg_monitor TO role_{broken}")
    try:
        refused = start_exporter(limited, databases={"include": [pattern(databases)]})
        page = scrape_until(
            refused, lambda page: page.values(_UP, datname=broken) == [0], "one is refused"
        )
        assert page.value("postgres_up") == 1
        assert page.value(_UP, datname=databases[2].name) == 1
        assert page.values("postgres_table_live_tuples", datname=databases[2].name)
        assert page.value("migration_exporter_collector_success", collector="tables") == 0
        assert page.value("migration_exporter_collector_success", collector="connections") == 1
    finally:
        refused.stop()
        server.database().execute(f"REVOKE pg_monitor FROM role_{broken}")
        server.database().execute(f"DROP ROLE role_{broken}")


def test_check_config_names_the_database_of_a_problem(
    server: Server, databases: list[Database], tmp_path: Path
) -> None:
    main, second, third = databases
    server.create_role(role := f"role_{main.name}")
    server.database().execute(f"ALTER DATABASE {second.name} CONNECTION LIMIT 0")
    target = {
        "name": "quests",
        "postgres": {"dsn": main.as_user(role).conninfo()},
        "databases": {"include": [pattern(databases)]},
    }
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({"targets": [target]}))
    try:
        command = (exporter_command(), "serve", "--check-config", "--config", file)
        refused = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    finally:
        server.database().execute(f"DROP ROLE {role}")
    assert refused.returncode == 2
    output = refused.stderr.removeprefix("pg-migration-exporter: ").splitlines()
    grant = f'collector tables cannot run: GRANT pg_monitor TO "{role}";'
    assert f"target quests: {grant}" in output
    assert f"target quests: database {third.name}: {grant}" in output
    [away] = [line for line in output if line.startswith(f"target quests: database {second.name}:")]
    assert "the server cannot be reached: " in away
    assert "too many connections" in away


def test_a_migration_in_another_database_is_found(
    databases: list[Database], start_exporter: StartExporter
) -> None:
    migrated = databases[1]
    done = Liquibase(migrated, CHANGELOG, "t/case.sql").run("update")
    assert done.returncode == 0, done.stderr
    exporter = start_exporter(databases[0], databases={"include": [pattern(databases)]})
    page = scrape_until(exporter, all_up(*databases), "all databases answer")
    assert page.value("liquibase_changesets_applied", datname=migrated.name) > 0
    assert page.values("liquibase_changesets_applied", datname=databases[0].name) == []
