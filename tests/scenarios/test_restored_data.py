"""Data that goes back in time, or comes back, is no run and no rollback.

Each test is named in docs/migration-states.md, "What survives".
"""

from __future__ import annotations

import shutil
import subprocess

import pytest

from testbed.postgres import Server
from tests.fixtures.scenario import Scenario, runs
from tests.fixtures.survival import BROKEN, FIRST, SECOND, has_applied, run_program, start, stays


@pytest.mark.every_liquibase
@pytest.mark.parametrize("watching", [True, False], ids=["watched", "while down"])
def test_a_backup_restored(own: tuple[Server, Scenario], *, watching: bool) -> None:
    """The data directory of before the failed run is put back: as if nothing had run since."""
    server, scenario = own
    start(scenario, FIRST)
    backup = server.folder / "backup"
    server.stop()
    subprocess.run(["cp", "-a", server.data, backup], check=True)
    server.start()
    scenario.write("changelog.sql", FIRST, SECOND, BROKEN)
    assert scenario.run() == 1
    scenario.until("failed")

    def restore() -> None:
        server.stop()
        shutil.rmtree(server.data)
        backup.rename(server.data)
        server.start()

    if watching:
        restore()
    else:
        with scenario.exporter_down():
            restore()
    scenario.until(has_applied(1))
    page = stays(scenario, {"succeeded": 1, "failed": 1})
    assert page.status() == "pending"
    scenario.write("changelog.sql", FIRST, SECOND)
    assert scenario.run() == 0
    page = scenario.until_counted(3)
    assert page.status() == "succeeded"
    assert runs(page) == {"succeeded": 2, "failed": 1}
    assert "rolled_back" not in scenario.states


@pytest.mark.every_liquibase
@pytest.mark.parametrize("watching", [True, False], ids=["watched", "while down"])
def test_a_history_truncated_and_reloaded(scenario: Scenario, *, watching: bool) -> None:
    start(scenario, FIRST, SECOND)
    database = scenario.database
    database.execute("CREATE TABLE kept AS SELECT * FROM databasechangelog")
    if watching:
        database.execute("TRUNCATE databasechangelog")
        scenario.until("pending", timeout=15)
        stays(scenario, {"succeeded": 1}, 6)
        database.execute("INSERT INTO databasechangelog SELECT * FROM kept")
    else:
        with scenario.exporter_down():
            database.execute("TRUNCATE databasechangelog")
            database.execute("INSERT INTO databasechangelog SELECT * FROM kept")
    scenario.until("succeeded")
    stays(scenario, {"succeeded": 1})
    assert "rolled_back" not in scenario.states


@pytest.mark.every_liquibase
@pytest.mark.parametrize("watching", [True, False], ids=["watched", "while down"])
def test_a_dump_restored_in_place(own: tuple[Server, Scenario], *, watching: bool) -> None:
    server, scenario = own
    start(scenario, FIRST, SECOND)
    dump = run_program(server, "pg_dump", "--clean", "--dbname=app")
    scenario.write("changelog.sql", FIRST, SECOND, BROKEN)
    assert scenario.run() == 1
    scenario.until("failed")
    if watching:
        run_program(server, "psql", "--quiet", "--dbname=app", stdin=dump)
    else:
        with scenario.exporter_down():
            run_program(server, "psql", "--quiet", "--dbname=app", stdin=dump)
    scenario.until("pending")
    stays(scenario, {"succeeded": 1, "failed": 1})
    assert "rolled_back" not in scenario.states
