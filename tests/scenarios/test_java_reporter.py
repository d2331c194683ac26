"""The reporter of `java/`: a migration that an application runs is reported like a wrapped one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from testbed.ports import free_port
from tests.fixtures.java_reporter import JavaReporter
from tests.fixtures.scenario import Scenario, runs
from tests.fixtures.wrapper import command_line

FIRST = "1: create table first (id int)"
BROKEN = "2: select 1 / 0"
FIXED = "2: select 1"
TOKEN = "0123456789abcdef"
every = pytest.mark.every_liquibase

pytestmark = pytest.mark.liquibase("4.20.0", "4.24.0", "4.27.0", "4.33.0", "5.0.1")


def start_exporter(scenario: Scenario, sink: str) -> dict[str, str]:
    """Start the exporter, which receives reports by `sink`; the variables of the reporter."""
    if sink == "directory":
        directory = str(scenario.folder / "reports")
        scenario.watch(reports={"directory": directory})
        return {"PG_MIGRATION_REPORT_DIRECTORY": directory}
    if sink == "table":
        create_table(scenario)
        scenario.watch(reports={"table": True})
        return {"PG_MIGRATION_REPORT_TABLE": "true"}
    exporter = scenario.watch(variables={"PG_MIGRATION_EXPORTER_TOKEN": TOKEN})
    return {"PG_MIGRATION_REPORT_URL": exporter.url, "PG_MIGRATION_REPORT_TOKEN": TOKEN}


def create_table(scenario: Scenario) -> None:
    database = scenario.database
    roles = ("--migrator", database.user, "--exporter", database.user)
    done = command_line("reports", "create-table", "--dsn", database.conninfo(), *roles)
    assert done.returncode == 0, done.stderr


def reports(directory: Path) -> list[dict[str, Any]]:
    """The reports in a directory, in the order of their starts."""
    found = [json.loads(file.read_text()) for file in directory.glob("*.json")]
    return sorted(found, key=lambda report: report["started"])


def assert_reported(scenario: Scenario, changeset: str) -> None:
    page = scenario.until("failed")
    failure = {"changeset": changeset, "source": "reported"}
    assert page.value("liquibase_migration_failure_info", **failure) == 1


@pytest.mark.parametrize(
    "sink", ["table", pytest.param("directory", marks=every), pytest.param("endpoint", marks=every)]
)
def test_each_way_of_a_report(scenario: Scenario, java_reporter: JavaReporter, sink: str) -> None:
    options: dict[str, Any] = {"extensions": [java_reporter.jar]}
    scenario.write("changelog.sql", FIRST)
    options["environment"] = start_exporter(scenario, sink)
    assert scenario.run(**options) == 0
    scenario.until("succeeded")

    scenario.write("changelog.sql", FIRST, BROKEN)
    assert scenario.run(**options) == 1
    assert_reported(scenario, "changelog.sql::2::test")

    scenario.write("changelog.sql", FIRST, FIXED)
    assert scenario.run(**options) == 0
    page = scenario.until("succeeded")
    assert runs(page) == {"succeeded": 2, "failed": 1}


@pytest.mark.every_liquibase
@pytest.mark.liquibase("5.0.1")
def test_a_spring_boot_application_with_one_connection(
    scenario: Scenario, java_reporter: JavaReporter
) -> None:
    scenario.write("changelog.sql", FIRST, BROKEN)
    changelog = scenario.folder / "changelog.sql"
    variables = start_exporter(scenario, "table")
    assert java_reporter.spring_boot(scenario.database, changelog, variables).returncode == 1
    assert_reported(scenario, f"file:{changelog}::2::test")
    [(reason,)] = scenario.database.execute(
        "select report #>> '{failure,reason}' from migration_exporter.report"
    )
    assert reason == "ERROR: division by zero"

    scenario.write("changelog.sql", FIRST, FIXED)
    assert java_reporter.spring_boot(scenario.database, changelog, variables).returncode == 0
    [(outcome,)] = scenario.database.execute(
        "select report ->> 'outcome' from migration_exporter.report order by started desc limit 1"
    )
    assert outcome == "succeeded"


@pytest.mark.every_liquibase
@every
def test_liquibase_in_a_program(scenario: Scenario, java_reporter: JavaReporter) -> None:
    variables = start_exporter(scenario, "directory")
    changelog = scenario.folder / "changelog.sql"

    def update(*changesets: str) -> dict[str, Any]:
        scenario.write("changelog.sql", *changesets)
        java_reporter.embedded(scenario.version, scenario.database, changelog, variables)
        return reports(scenario.folder / "reports")[-1]

    succeeded = update(FIRST)
    assert succeeded["outcome"] == "succeeded"
    assert [entry["result"] for entry in succeeded["changesets"]] == ["ran"]
    failed = update(FIRST, BROKEN)
    assert failed["failure"] == {
        "changeset": "changelog.sql::2::test",
        "reason": "ERROR: division by zero",
    }
    assert_reported(scenario, "changelog.sql::2::test")
    assert update(FIRST)["outcome"] == "succeeded", "a replica of the previous release"
    assert_reported(scenario, "changelog.sql::2::test")
    assert update(FIRST, FIXED)["outcome"] == "succeeded"
    scenario.until("succeeded")
    changed = update("1: create table first (id bigint)")
    assert changed["outcome"] == "failed"
    assert changed["failure"]["changeset"] == ""
    assert_reported(scenario, "")
    assert len(reports(scenario.folder / "reports")) == 5


@every
def test_a_rollback_that_fails(scenario: Scenario, java_reporter: JavaReporter) -> None:
    scenario.write_text(
        "changelog.sql",
        "--liquibase formatted sql\n--changeset test:1\nselect 1;\n--rollback select 2 / 0;\n",
    )
    variables = start_exporter(scenario, "directory")
    options: dict[str, Any] = {"extensions": [java_reporter.jar], "environment": variables}
    assert scenario.run(**options) == 0
    scenario.until("succeeded")
    assert scenario.run("rollback-count", "--count=1", **options) == 1
    assert_reported(scenario, "changelog.sql::1::test")


@every
def test_it_reports_whether_a_run_took_the_lock(
    scenario: Scenario, java_reporter: JavaReporter
) -> None:
    scenario.write("changelog.sql", FIRST)
    directory = scenario.folder / "reports"
    variables = {"PG_MIGRATION_REPORT_DIRECTORY": str(directory)}
    options: dict[str, Any] = {"extensions": [java_reporter.jar], "environment": variables}
    assert scenario.run(**options) == 0

    variables["LIQUIBASE_CHANGELOG_LOCK_WAIT_TIME_IN_MINUTES"] = "0"
    scenario.database.execute("update databasechangeloglock set locked = true, lockedby = 'other'")
    scenario.write("changelog.sql", FIRST, FIXED)
    assert scenario.run(**options) == 1
    found = [(report["outcome"], report["lock_taken"]) for report in reports(directory)]
    gave_up = [] if scenario.version == "4.20.0" else [("failed", False)]  # 4.20 logs nothing
    assert found == [("succeeded", True), *gave_up]


@pytest.mark.every_liquibase
@every
def test_previews_and_other_commands_are_not_reported(
    scenario: Scenario, java_reporter: JavaReporter
) -> None:
    scenario.write("changelog.sql", FIRST)
    directory = scenario.folder / "reports"
    options: dict[str, Any] = {
        "extensions": [java_reporter.jar],
        "environment": {"PG_MIGRATION_REPORT_DIRECTORY": str(directory)},
    }
    for command in ("update-sql", "status", "changelog-sync", "clear-checksums", "validate"):
        assert scenario.run(command, **options) == 0
    assert reports(directory) == []


@every
def test_a_table_that_somebody_else_made_is_not_written_to(
    scenario: Scenario, java_reporter: JavaReporter
) -> None:
    """Its trigger would run with the rights of the role that migrates."""
    name = f"other_{scenario.database.name}"
    for sql in (
        f"create role {name}",
        f"grant create on database {scenario.database.name} to {name}",
        f"set role {name}; create schema migration_exporter;"
        " create table migration_exporter.report (run_id uuid primary key, started timestamptz,"
        " updated timestamptz default clock_timestamp(), report jsonb)",
    ):
        scenario.database.execute(sql)
    scenario.write("changelog.sql", FIRST)
    options: dict[str, Any] = {
        "extensions": [java_reporter.jar],
        "environment": {"PG_MIGRATION_REPORT_TABLE": "true"},
    }
    assert scenario.run(**options) == 0
    assert scenario.database.value("select count(*) from migration_exporter.report") == 0
    assert scenario.database.value("select count(*) from databasechangelog") == 1

    scenario.database.execute(
        "alter schema migration_exporter owner to current_user;"
        " alter table migration_exporter.report owner to current_user"
    )
    scenario.write("changelog.sql", FIRST, FIXED)
    assert scenario.run(**options) == 0
    assert scenario.database.value("select count(*) from migration_exporter.report") == 1


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The URL of an HTTP server that accepts requests and never responds."""
    stop = Event()

    class Silent(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            stop.wait(60)

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Silent)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    stop.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.every_liquibase
@every
def test_a_migration_does_not_wait_for_its_report(
    scenario: Scenario, java_reporter: JavaReporter, silent_server: str
) -> None:
    scenario.write("changelog.sql", *(f"{number}: select {number}" for number in range(20)))
    (scenario.folder / "reports").write_text("a file, not a directory")
    variables = {
        "PG_MIGRATION_REPORT_DIRECTORY": str(scenario.folder / "reports"),
        "PG_MIGRATION_REPORT_TABLE": "true",  # there is no table
        "PG_MIGRATION_REPORT_URL": silent_server,
    }
    started = time.monotonic()
    assert scenario.run() == 0
    without = time.monotonic() - started
    scenario.database.execute("drop table databasechangelog")

    started = time.monotonic()
    assert scenario.run(extensions=[java_reporter.jar], environment=variables) == 0
    assert time.monotonic() - started < 2 * without + 5, "at most 2 s at the end"
    assert scenario.database.value("select count(*) from databasechangelog") == 20
