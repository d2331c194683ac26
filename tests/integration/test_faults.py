"""The server goes away, hangs, refuses: the exporter says so and is back with the next scrape."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from demo.stack.database import Database
from demo.stack.postgres import Server
from demo.stack.waiting import wait_until
from demo.stack.workspace import Workspace
from tests.fixtures.exporters import Page, StartExporter, scrape

_OWN_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
_END_OWN = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
_CONNECTIONS, _RESERVED = 12, 1
_US = ["pg-migration-exporter"]


@pytest.fixture(scope="module")
def fragile(workspace: Workspace) -> Iterator[Server]:
    """A server that these tests may break; each leaves it running."""
    settings = {
        "max_connections": str(_CONNECTIONS),
        "superuser_reserved_connections": str(_RESERVED),
    }
    with Server(workspace, "fragile", settings) as server:
        server.database().execute("CREATE EXTENSION pg_stat_statements")
        yield server


def is_whole(page: Page) -> bool:
    successes = page.values("migration_exporter_collector_success")
    return page.value("postgres_up") == 1 and set(successes) == {1}


def test_stopped_and_started(fragile: Server, start_exporter: StartExporter) -> None:
    exporter = start_exporter(fragile.database())
    assert is_whole(scrape(exporter))

    fragile.stop()
    down = scrape(exporter)
    assert down.value("postgres_up") == 0
    assert set(down.values("migration_exporter_collector_success")) == {0}
    assert down.values("postgres_connections_max") == []
    assert exporter.get("/readyz").json()["server"] == "not reached"

    fragile.start()
    assert is_whole(scrape(exporter))


def test_killed_and_started(fragile: Server, start_exporter: StartExporter) -> None:
    exporter = start_exporter(fragile.database())
    assert is_whole(scrape(exporter))

    fragile.kill()
    fragile.start()
    assert is_whole(scrape(exporter))


def test_frozen_and_thawed(fragile: Server, start_exporter: StartExporter) -> None:
    exporter = start_exporter(fragile.database())
    assert is_whole(scrape(exporter))

    fragile.freeze()
    try:
        for _ in range(3):
            answer = httpx.get(
                exporter.url + "/metrics", headers={"X-Prometheus-Scrape-Timeout-Seconds": "1"}
            )
            assert Page(answer.text).value("postgres_up") == 0
    finally:
        fragile.thaw()
    assert is_whole(scrape(exporter))
    assert fragile.database().value(_OWN_SESSIONS, _US) <= 2


def test_backend_terminated_between_scrapes(fragile: Server, start_exporter: StartExporter) -> None:
    exporter = start_exporter(fragile.database())
    for _ in range(3):
        assert is_whole(scrape(exporter))
        fragile.database().execute(_END_OWN, _US)
    assert is_whole(scrape(exporter))


def test_out_of_connections(fragile: Server, start_exporter: StartExporter) -> None:
    database = fragile.database()
    database.execute("CREATE ROLE guest LOGIN PASSWORD 'guest' IN ROLE pg_monitor")
    guest = Database(database.port, database.name, "guest", "guest")
    exporter = start_exporter(guest)
    crowd: list[psycopg.Connection[tuple[object, ...]]] = []
    try:
        with contextlib.suppress(psycopg.OperationalError):
            while len(crowd) < _CONNECTIONS:
                crowd.append(guest.connect())
        assert len(crowd) < _CONNECTIONS
        assert scrape(exporter).value("postgres_up") == 0
    finally:
        for connection in crowd:
            connection.close()
    # Without the exporter's own sessions: its watcher connects as soon as there is room.
    guests = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'guest'"
    gone = f"{guests} AND application_name <> ALL (%s)"
    wait_until(lambda: database.value(gone, [_US]) == 0, 10, "the crowd is gone")
    assert is_whole(wait_until(lambda: scrape(exporter), 1, "an answer"))
    exporter.stop()
    database.execute("DROP OWNED BY guest; DROP ROLE guest")


def test_password_rotated_in_its_file(
    fragile: Server, start_exporter: StartExporter, workspace: Workspace
) -> None:
    database = fragile.database()
    database.execute("CREATE ROLE rotated LOGIN PASSWORD 'first-secret' IN ROLE pg_monitor")
    file = workspace.root / "rotated"
    file.write_text("first-secret\n")
    dsn = f"host=127.0.0.1 port={database.port} dbname={database.name} user=rotated"
    exporter = start_exporter(database, postgres={"dsn": dsn, "password_file": str(file)})
    assert is_whole(scrape(exporter))

    database.execute("ALTER ROLE rotated PASSWORD 'second-secret'")
    database.execute(_END_OWN, _US)
    assert scrape(exporter).value("postgres_up") == 0
    file.write_text("second-secret\n")
    wait_until(lambda: is_whole(scrape(exporter)), 5, "the new password is used")

    exporter.stop()
    assert "secret" not in exporter.process.output()
    database.execute("DROP ROLE rotated")


def test_extension_comes_and_goes(database: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(database)
    assert is_whole(scrape(exporter))

    database.execute("DROP EXTENSION pg_stat_statements")
    page = scrape(exporter)
    skipped = {"collector": "query_duration", "reason": "missing_extension"}
    assert page.value("migration_exporter_collector_skipped", **skipped) == 1
    assert page.values("postgres_query_duration_seconds_count") == []

    database.execute("CREATE EXTENSION pg_stat_statements")
    page = scrape(exporter)
    assert page.values("migration_exporter_collector_skipped") == []
    assert page.values("postgres_query_duration_seconds_count") != []


def test_terminates_cleanly(database: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(database)
    scrape(exporter)

    exporter.stop()
    assert exporter.process.returncode == 0
    assert "stopped" in exporter.process.output()
    assert "Traceback" not in exporter.process.output()
    wait_until(lambda: database.value(_OWN_SESSIONS, _US) == 0, 5, "the exporter's session is gone")
