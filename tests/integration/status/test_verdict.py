"""Go, hold or abort: of a real server, on every way to read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from testbed.database import Database
from testbed.exporter import Exporter
from testbed.postgres import Server
from testbed.workspace import Workspace
from tests.fixtures.exporters import Page, StartExporter, scrape, scrape_until

_QUICK = {
    "watch": {"interval": "500ms", "busy_interval": "200ms"},
    "verdict": {"quiet": "1s", "confirm": "100ms"},
}
_ROLE = "watching"


def verdict(page: Page, datname: str = "") -> str:
    """The only verdict in force."""
    [name] = [
        sample.labels["verdict"]
        for sample in page.samples
        if sample.name == "migration_verdict"
        and sample.labels["datname"] == datname
        and sample.value == 1
    ]
    return name


def reasons(page: Page) -> set[tuple[str, str, str]]:
    return {
        (sample.labels["verdict"], sample.labels["reason"], sample.labels["datname"])
        for sample in page.samples
        if sample.name == "migration_verdict_reason"
    }


def until(exporter: Exporter, expected: str, datname: str = "") -> Page:
    return scrape_until(
        exporter, lambda page: verdict(page, datname) == expected, f"the verdict is {expected}"
    )


@pytest.fixture
def limited(server: Server, database: Database) -> Iterator[Database]:
    """The database for the exporter's own role."""
    server.create_role(_ROLE)
    server.database().execute(f"GRANT pg_monitor TO {_ROLE}")
    yield database.as_user(_ROLE)
    server.database().execute(f"DROP OWNED BY {_ROLE}; DROP ROLE {_ROLE}")


def test_it_holds_until_the_watcher_has_polled_and_then_goes(
    database: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(database, **_QUICK)
    page = until(exporter, "go")
    assert verdict(page, database.name) == "go"
    assert reasons(page) == set()
    [shown] = exporter.get("/api/v1/status").json()["targets"]
    assert shown["verdict"]["verdict"] == "go"
    assert shown["verdict"]["databases"] == {database.name: "go"}


def test_before_the_first_poll_it_holds(database: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(database, watch={"enabled": False})
    assert ("hold", "MigrationExporterWatcherStale", "") in reasons(scrape(exporter))
    assert verdict(scrape(exporter)) == "hold"


@pytest.mark.parametrize("include", ["apart", "apar*"])
def test_a_database_that_may_not_be_connected_to_holds(
    server: Server,
    database: Database,
    limited: Database,
    start_exporter: StartExporter,
    include: str,
) -> None:
    other = server.create_database("apart")
    exporter = start_exporter(limited, databases={"include": [include]}, **_QUICK)
    try:
        until(exporter, "go")
        server.database().execute("REVOKE CONNECT ON DATABASE apart FROM PUBLIC")
        server.database().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'apart'"
        )
        page = until(exporter, "hold", "apart")
        assert ("hold", "MigrationDatabaseUnreachable", "apart") in reasons(page)
        assert verdict(page) == "hold"
        assert verdict(page, database.name) == "go"
        [shown] = exporter.get("/api/v1/status").json()["targets"]
        trusted = {item["question"]: item for item in shown["answers"]}["Can this page be trusted?"]
        assert (trusted["answer"], trusted["level"]) == ("No", "attention")
        assert "apart" in trusted["detail"]
    finally:
        exporter.stop()
        server.drop_database(other.name)


def test_the_limit_of_the_exporters_own_role_holds_and_does_not_abort(
    server: Server, limited: Database, start_exporter: StartExporter
) -> None:
    server.database().execute(f"ALTER ROLE {_ROLE} CONNECTION LIMIT 1")
    with closing(limited.connect()):
        page = scrape(start_exporter(limited, **_QUICK))
        assert verdict(page) == "hold"
        assert reasons(page) == {("hold", "ExporterConnectionLimit", "")}
    exporter = start_exporter(limited, **_QUICK)
    page = scrape_until(
        exporter,
        lambda page: ("hold", "ExporterConnectionLimit", "") in reasons(page),
        "the watcher or the scrape cannot connect",
    )
    assert verdict(page) == "hold"
    assert not page.values("postgres_connection_pool_utilization", pool=_ROLE)


def test_a_full_pool_aborts_and_it_is_go_again_after_a_quiet_time(
    database: Database, start_exporter: StartExporter
) -> None:
    budget = {"name": "service", "max_connections": 1, "application_names": ["quest-service"]}
    exporter = start_exporter(database, pools=[budget], **_QUICK)
    until(exporter, "go")
    with closing(database.connect(application_name="quest-service")):
        page = until(exporter, "abort")
        assert ("abort", "DatabaseConnectionPoolExhausted", "") in reasons(page)
        shown = exporter.get("/api/v1/status").json()["targets"][0]["verdict"]
        assert (shown["verdict"], shown["reasons"][0]["verdict"]) == ("abort", "abort")
        assert shown["reasons"][0]["text"] == "Pool service (application) is 100% used"
    until(exporter, "go")


def test_a_server_that_is_gone_holds_and_so_does_an_exporter_that_restarts(
    workspace: Workspace, start_exporter: StartExporter
) -> None:
    with Server(workspace, "judged") as server:
        database = server.database()
        database.execute("CREATE EXTENSION pg_stat_statements")
        exporter = start_exporter(database, **_QUICK)
        until(exporter, "go")
        server.kill()
        page = until(exporter, "hold")
        assert ("hold", "PostgresDown", "") in reasons(page)
        restarted = start_exporter(database, **_QUICK)
        assert reasons(scrape(restarted)) == {("hold", "PostgresDown", "")}


def test_a_restart_does_not_turn_hold_into_go(
    database: Database, start_exporter: StartExporter
) -> None:
    budget = {"name": "service", "max_connections": 1, "application_names": ["quest-service"]}
    settings = {"pools": [budget], "watch": _QUICK["watch"], "verdict": {"confirm": "100ms"}}
    exporter = start_exporter(database, **settings)
    with closing(database.connect(application_name="quest-service")):
        until(exporter, "abort")
    exporter.process.kill()
    exporter.start()
    page = scrape_until(
        exporter,
        lambda page: page.values("migration_exporter_watch_age_seconds") != [],
        "the watcher has polled",
    )
    assert ("abort", "DatabaseConnectionPoolExhausted", "") in reasons(page)
    assert verdict(page) == "abort"
