"""Another server or database takes the place of the one that was watched.

Each test is named in docs/migration-states.md, "What survives".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testbed.postgres import Server
from testbed.workspace import Workspace
from tests.fixtures.exporters import StartExporter
from tests.fixtures.scenario import Scenario, playing, runs
from tests.fixtures.survival import (
    BROKEN,
    FIRST,
    SECOND,
    SLOW,
    THIRD,
    logged_outcomes,
    run_program,
    server_numbers,
    start,
    stays,
    wait_for_sleep,
)


@contextmanager
def another_server_at(server: Server, dump: str) -> Iterator[Server]:
    """Another server takes the place of this one, with its dump."""
    new = Server(server.workspace, f"own_{next(server_numbers)}")
    new.port = server.port
    new.configure({})
    server.stop()
    with new:
        new.create_database("app")
        run_program(new, "psql", "--quiet", "--dbname=app", stdin=dump)
        yield new


@pytest.mark.every_liquibase
@pytest.mark.parametrize("watching", [True, False], ids=["watched", "while down"])
def test_a_dump_restored_as_a_new_server(own: tuple[Server, Scenario], *, watching: bool) -> None:
    server, scenario = own
    start(scenario, FIRST, SECOND)
    dump = run_program(server, "pg_dump", "--dbname=app")
    if watching:
        moved = another_server_at(server, dump)
        moved.__enter__()
    else:
        with scenario.exporter_down():
            moved = another_server_at(server, dump)
            moved.__enter__()
    try:
        scenario.until("succeeded")
        stays(scenario, {"succeeded": 1})
        scenario.write("changelog.sql", FIRST, SECOND, BROKEN)
        assert scenario.run() == 1
        page = scenario.until_counted(2)
        assert page.status() == "failed"
        assert runs(page) == {"succeeded": 1, "failed": 1}
    finally:
        moved.__exit__(None, None, None)


@pytest.mark.every_liquibase
def test_a_logical_replica(own: tuple[Server, Scenario], workspace: Workspace) -> None:
    """The replica shows the lock of a run whose session it does not have: never stale."""
    server, scenario = own
    source = scenario.database
    scenario.write("changelog.sql", FIRST)
    assert scenario.run() == 0
    schema = run_program(server, "pg_dump", "--schema-only", "--dbname=app")
    source.execute("CREATE PUBLICATION everything FOR ALL TABLES")
    with Server(workspace, f"own_{next(server_numbers)}") as replica:
        database = replica.create_database("app")
        run_program(replica, "psql", "--quiet", "--dbname=app", stdin=schema)
        database.execute(
            f"CREATE SUBSCRIPTION replica CONNECTION '{source.conninfo()}' PUBLICATION everything"
        )
        scenario.database = database
        scenario.watch()
        scenario.until("succeeded")
        stays(scenario, {}, 5)
        scenario.write("changelog.sql", FIRST, SLOW, BROKEN)
        run = scenario.start(database=source)
        scenario.until("running")
        assert run.wait(60) == 1
        scenario.until_counted(1)
        page = stays(scenario, {"failed": 1}, 3)
        assert page.status() == "failed"
        assert logged_outcomes(scenario) == {"failed": 1}
        assert "stale_lock" not in scenario.states
        database.execute("DROP SUBSCRIPTION replica")


@pytest.mark.every_liquibase
@pytest.mark.parametrize("track", ["on", "off"])
def test_failover_during_a_run(
    workspace: Workspace,
    start_exporter: StartExporter,
    tmp_path: Path,
    liquibase_version: str,
    track: str,
) -> None:
    """The primary dies; the standby shows a lock whose run is gone, and keeps what was counted."""
    number = next(server_numbers)
    settings = {"track_commit_timestamp": track}
    with (
        Server(workspace, f"first_{number}", settings) as primary,
        primary.standby(f"second_{number}", settings) as standby,
    ):
        database = primary.create_database("app")
        played = Scenario(database, tmp_path, liquibase_version, start_exporter)
        dsn = (
            f"host=127.0.0.1,127.0.0.1 port={primary.port},{standby.port} dbname=app"
            f" user={database.user} password={database.password} target_session_attrs=primary"
        )
        with playing(played) as scenario:
            start(scenario, FIRST, postgres={"dsn": dsn})
            scenario.write("changelog.sql", FIRST, SECOND, "slow: select pg_sleep(60)")
            scenario.start()
            wait_for_sleep(scenario)
            scenario.until("running")
            primary.wait_for_replay(standby)
            primary.kill()
            standby.promote()
            scenario.until("stale_lock", timeout=30)
            assert runs(scenario.page()) == {"succeeded": 1}
            scenario.database = standby.database("app")
            assert scenario.run("release-locks") == 0
            page = scenario.until("failed")
            assert runs(page) == {"succeeded": 1, "failed": 1}
            scenario.write("changelog.sql", FIRST, SECOND, THIRD)
            assert scenario.run() == 0
            scenario.until("succeeded")
            scenario.until_counted(3)
            stays(scenario, {"succeeded": 2, "failed": 1}, 3)
            assert logged_outcomes(scenario) == {"succeeded": 2, "failed": 1}
            assert "rolled_back" not in scenario.states


@pytest.mark.every_liquibase
@pytest.mark.parametrize("watching", [True, False], ids=["watched", "while down"])
def test_a_database_created_again(own: tuple[Server, Scenario], *, watching: bool) -> None:
    """Under the same name: its first run counts, and the totals count on."""
    server, scenario = own
    start(scenario, FIRST, SECOND)

    def create_again() -> None:
        server.drop_database("app")
        server.create_database("app")

    if watching:
        create_again()
        scenario.until("not_initialised")
        assert scenario.run() == 0
    else:
        with scenario.exporter_down():
            create_again()
            assert scenario.run() == 0
    page = scenario.until_counted(2)
    assert page.status() == "succeeded"
    assert runs(stays(scenario, {"succeeded": 2})) == {"succeeded": 2}
    assert "rolled_back" not in scenario.states
