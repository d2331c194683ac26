"""Failures that only the server's log proves: Liquibase without the wrapper, as in Spring Boot."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from testbed.database import Database
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.exporters import Page
from tests.fixtures.fluent_bit import LoggingServer, start_logging_server
from tests.fixtures.log_forwarder import LogForwarder, exporter_values
from tests.fixtures.scenario import Scenario, runs

pytestmark = pytest.mark.pg(">= 15")

FIRST = "1: create table first (id int)"
SECOND = "2: create table second (id int)"
BROKEN = "broken: select 1 / 0"
TOLERATED = "tolerated failOnError:false: select 1 / 0"
TOKEN = "0123456789abcdef"
#: The application name of a session is the driver's.
DRIVER: dict[str, Any] = {"application_name": None}


@pytest.fixture(scope="module")
def logging_server(workspace: Workspace) -> Iterator[LoggingServer]:
    """A server with the rendered settings of the log pipeline."""
    logging = start_logging_server(workspace, {})
    with logging.server as server:
        server.database("template1").execute("CREATE EXTENSION pg_stat_statements")
        yield logging


@pytest.fixture
def database(logging_server: LoggingServer, request: pytest.FixtureRequest) -> Iterator[Database]:
    name = f"logged_{abs(hash(request.node.nodeid)) % 10**8}"
    yield logging_server.server.create_database(name)
    logging_server.server.drop_database(name)


@pytest.fixture
def watch(
    scenario: Scenario, logging_server: LoggingServer, tmp_path: Path
) -> Iterator[Callable[[str | None], LogForwarder]]:
    """Start an exporter, for a changelog file or none, that gets the errors of the log."""
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN)
    stop = threading.Event()
    with ExitStack() as stack:
        stack.callback(stop.set)

        def start(changelog: str | None) -> LogForwarder:
            endpoint = {"token_file": str(token_file), "log_errors": True}
            exporter = scenario.watch(changelog, reports={"endpoint": endpoint})
            values = exporter_values(scenario.database.user)
            forwarder = LogForwarder(logging_server, exporter, TOKEN, values)
            thread = threading.Thread(target=forwarder.run, args=[stop])
            thread.start()
            stack.callback(thread.join)
            stack.callback(stop.set)
            return forwarder

        yield start


Watch = Callable[[str | None], LogForwarder]


def is_logged(page: Page) -> bool:
    """Whether the failure is shown as one of the log."""
    return bool(page.values("liquibase_migration_failure_info", source="log"))


def test_a_rollback_that_fails(scenario: Scenario, watch: Watch) -> None:
    scenario.write("changelog.sql", f"{FIRST};\n--rollback drop table missing")
    watch("changelog.sql")
    assert scenario.run(**DRIVER) == 0
    scenario.until_counted(1)
    assert scenario.run("rollback-count", "--count=1", **DRIVER) == 1

    page = scenario.until(is_logged)
    assert page.status() == "failed"
    assert runs(scenario.until_counted(2)) == {"succeeded": 1, "failed": 1}


@pytest.mark.every_liquibase
def test_the_first_changeset_fails_and_no_files_are_known(scenario: Scenario, watch: Watch) -> None:
    scenario.write("changelog.sql", BROKEN)
    forwarder = watch(None)
    assert scenario.run(**DRIVER) == 1

    page = scenario.until(is_logged)
    assert page.status() == "failed"
    assert runs(scenario.until_counted(1)) == {"failed": 1}
    assert "1 / 0" not in " ".join(map(str, forwarder.sent))


@pytest.mark.every_liquibase
def test_a_later_changeset_fails_and_no_files_are_known(scenario: Scenario, watch: Watch) -> None:
    scenario.write("changelog.sql", FIRST)
    watch(None)
    assert scenario.run(**DRIVER) == 0
    scenario.until_counted(1)
    scenario.write("changelog.sql", FIRST, SECOND, BROKEN)
    assert scenario.run(**DRIVER) == 1

    scenario.until(is_logged)
    assert runs(scenario.until_counted(2)) == {"succeeded": 1, "failed": 1}


@pytest.mark.every_liquibase
@pytest.mark.parametrize("changelog", ["changelog.sql", None])
def test_an_error_that_liquibase_tolerates(
    scenario: Scenario, watch: Watch, changelog: str | None
) -> None:
    scenario.write("changelog.sql", FIRST, TOLERATED, SECOND)
    forwarder = watch(changelog)
    assert scenario.run(**DRIVER) == 0

    wait_until(lambda: "22012" in forwarder.sqlstates, 30, "the error arrives")
    page = scenario.until_counted(1)
    assert page.status() == "succeeded"
    assert runs(page) == {"succeeded": 1}
    assert "failed" not in scenario.states
