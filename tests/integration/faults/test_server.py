"""The server goes away, hangs, refuses: the exporter says so, and is back with the next scrape."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from testbed.database import Database
from testbed.postgres import Server
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.drills import StartDrill, is_whole
from tests.fixtures.exporters import Page
from tests.fixtures.proxy import proxy
from tests.fixtures.servers import Pair

_END_OWN = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
_CANCEL_OWN = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
_CONNECTIONS, _RESERVED = 14, 1
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


def is_down(page: Page) -> bool:
    return page.value("postgres_up") == 0


def test_stopped(fragile: Server, drill: StartDrill) -> None:
    with (
        drill("server stopped, then started", fragile.database()) as exercise,
        exercise.fault(),
    ):
        fragile.stop()
        page = exercise.until(is_down, "the server is down")
        ready = exercise.exporter.get("/readyz").json()
        fragile.start()
    assert set(page.values("migration_exporter_collector_success")) == {0}
    assert page.values("postgres_connections_max") == []
    assert ready["server"] == "not reached"


def test_restarted(fragile: Server, drill: StartDrill) -> None:
    with drill("server restarted", fragile.database()) as exercise, exercise.fault():
        fragile.restart()


def test_killed(fragile: Server, drill: StartDrill) -> None:
    with (
        drill("server killed with SIGKILL, then started", fragile.database()) as exercise,
        exercise.fault(),
    ):
        fragile.kill()
        exercise.until(is_down, "the server is down")
        fragile.start()


def test_frozen(fragile: Server, drill: StartDrill) -> None:
    """Sessions stay open and nothing answers; requests to cancel hang as well."""
    fault = "server frozen with SIGSTOP for 20 s"
    with proxy(fragile.port) as between:
        with (
            drill(fault, fragile.database(), timeout=2, through=between) as exercise,
            exercise.fault(),
        ):
            frozen = time.monotonic()
            fragile.freeze()
            try:
                exercise.until(is_down, "the server does not answer")
                wait_until(lambda: time.monotonic() - frozen >= 20, 90, "20 s are over")
            finally:
                fragile.thaw()
        exercise.exporter.stop()


def test_promoted(standby_pair: Pair, drill: StartDrill) -> None:
    """The plan is made again: what a standby cannot show, the new primary does."""
    standby = standby_pair.standby
    with drill("standby promoted", standby.database()) as exercise:
        exercise.until(lambda page: page.values("postgres_info", role="standby"), "a standby")
        with exercise.fault():
            standby.promote()
        assert exercise.answers[-1].page.values("postgres_info", role="primary") == [1]


def test_read_only(fragile: Server, drill: StartDrill) -> None:
    database = fragile.database()
    with drill("server turned read-only", database) as exercise, exercise.fault():
        database.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        database.execute("SELECT pg_reload_conf()")
        wait_until(lambda: _is_read_only(database), 60, "it is read-only")
        pages = exercise.some_scrapes()
        with database.connect(options="-c default_transaction_read_only=off") as administrator:
            administrator.execute("ALTER SYSTEM RESET default_transaction_read_only")
            administrator.execute("SELECT pg_reload_conf()")
    assert all(is_whole(page) for page in pages)


def _is_read_only(database: Database) -> bool:
    return bool(database.value("SELECT current_setting('default_transaction_read_only') = 'on'"))


def test_out_of_connections(fragile: Server, drill: StartDrill) -> None:
    """Our sessions are ended and others take every place: FATAL 53300."""
    database = fragile.database()
    database.execute("DROP ROLE IF EXISTS guest")
    database.execute("CREATE ROLE guest LOGIN PASSWORD 'guest' IN ROLE pg_monitor")
    guest = replace(database, user="guest", password="guest")
    with (
        drill("out of connections (53300)", guest) as exercise,
        exercise.fault(),
        database.connect() as administrator,
        contextlib.ExitStack() as crowd,
    ):

        def crowd_out() -> bool:
            administrator.execute(_END_OWN, _US)
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    crowd.enter_context(guest.connect())
            return is_down(exercise.scrape().page)

        wait_until(crowd_out, 60, "no place is left")
        crowd.close()
        gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'guest'"
        gone += " AND application_name <> 'pg-migration-exporter'"
        wait_until(lambda: administrator.execute(gone).fetchone() == (True,), 60, "it is empty")
    exercise.exporter.stop()
    database.execute("DROP OWNED BY guest")
    database.execute("DROP ROLE guest")


def test_password_rotated(fragile: Server, drill: StartDrill, workspace: Workspace) -> None:
    """Changed on the server first, in the file later; sessions end in between."""
    database = fragile.database()
    database.execute("DROP ROLE IF EXISTS rotated")
    database.execute("CREATE ROLE rotated LOGIN PASSWORD 'first-secret' IN ROLE pg_monitor")
    file = workspace.root / "rotated"
    file.write_text("first-secret\n")
    dsn = f"host=127.0.0.1 port={database.port} dbname={database.name} user=rotated"
    postgres = {"dsn": dsn, "password_file": str(file)}
    with (
        drill("password changed, then rotated in its file", database, postgres=postgres) as drilled,
        drilled.fault(),
    ):
        database.execute("ALTER ROLE rotated PASSWORD 'second-secret'")
        database.execute(_END_OWN, _US)
        drilled.until(is_down, "the password is refused")
        file.write_text("second-secret\n")
    drilled.exporter.stop()
    assert "secret" not in drilled.exporter.process.output()
    database.execute("DROP ROLE rotated")


def test_statements_cancelled(fragile: Server, drill: StartDrill) -> None:
    with (
        drill("statements cancelled by an administrator", fragile.database()) as exercise,
        exercise.fault(),
        fragile.database().connect() as administrator,
    ):
        since = len(exercise.answers)
        while len(exercise.answers) < since + 8:
            administrator.execute(_CANCEL_OWN, _US)


def test_backends_terminated(fragile: Server, drill: StartDrill) -> None:
    with (
        drill("sessions terminated by an administrator", fragile.database()) as exercise,
        exercise.fault(),
    ):
        for _ in range(3):
            fragile.database().execute(_END_OWN, _US)
            exercise.some_scrapes(1)


def test_database_dropped(fragile: Server, drill: StartDrill) -> None:
    database = fragile.create_database("passing")
    database.execute("CREATE EXTENSION pg_stat_statements")
    with drill("database dropped, then created", database) as exercise, exercise.fault():
        fragile.drop_database("passing")
        exercise.until(is_down, "the database is gone")
        fragile.create_database("passing").execute("CREATE EXTENSION pg_stat_statements")
    exercise.exporter.stop()
    fragile.drop_database("passing")
