"""What the exporter remembers survives its restart, upgrade and replacement.

Each test is named in docs/migration-states.md, "What survives".
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from testbed.database import Database
from tests.fixtures.scenario import Scenario, runs
from tests.fixtures.survival import (
    BROKEN,
    FIRST,
    SECOND,
    SLOW,
    THIRD,
    logged_outcomes,
    start,
    stays,
    wait_for_sleep,
)

_STATE = Path(__file__).parent / "state_of_0_1.json"


@pytest.mark.every_liquibase
@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_restart_during_a_run(scenario: Scenario, *, killed: bool) -> None:
    start(scenario, FIRST)
    scenario.write("changelog.sql", FIRST, SECOND, SLOW)
    run = scenario.start()
    wait_for_sleep(scenario)
    scenario.until("running")
    with scenario.exporter_down(killed=killed):
        pass
    scenario.until(lambda page: page.status() in {"running", "succeeded"})
    assert run.wait(60) == 0
    scenario.until_counted(2)
    page = stays(scenario, {"succeeded": 2}, 3)
    assert page.status() == "succeeded"
    assert logged_outcomes(scenario) == {"succeeded": 2}
    assert not {"failed", "stale_lock", "rolled_back"} & set(scenario.states)


def test_runs_while_the_exporter_was_down(scenario: Scenario) -> None:
    """A success, a tag, a rollback and a failure, each during a downtime of its own."""
    start(scenario, FIRST)
    scenario.write("changelog.sql", FIRST, THIRD)
    with scenario.exporter_down():
        assert scenario.run() == 0
    assert runs(scenario.until_counted(2)) == {"succeeded": 2}
    with scenario.exporter_down():
        assert scenario.run("tag", "--tag=release") == 0
    assert scenario.until_counted(3).status() == "succeeded"
    with scenario.exporter_down():
        assert scenario.run("rollback-count", "--count=1") == 0
    page = scenario.until_counted(4)
    assert page.status() == "rolled_back"
    assert runs(page) == {"succeeded": 3, "rolled_back": 1}
    scenario.write("changelog.sql", FIRST, BROKEN)
    with scenario.exporter_down():
        assert scenario.run() == 1
    page = scenario.until_counted(5)
    assert page.status() == "failed"
    assert runs(page) == {"succeeded": 3, "rolled_back": 1, "failed": 1}


@pytest.mark.every_liquibase
def test_a_failure_is_remembered_by_another_exporter(scenario: Scenario) -> None:
    """A new pod with the same volume takes over while the old one still runs."""
    start(scenario, FIRST)
    scenario.write("changelog.sql", FIRST, BROKEN)
    assert scenario.run() == 1
    scenario.until("failed")
    old = scenario.exporter
    assert old is not None
    new = scenario.watch(state_directory=str(old.folder))
    scenario.write("changelog.sql", FIRST, SECOND, BROKEN)
    assert scenario.run() == 1
    page = scenario.until_counted(3)
    old.stop()
    assert runs(page) == {"succeeded": 1, "failed": 2}
    with scenario.exporter_down():
        pass
    assert scenario.exporter is new
    page = stays(scenario, {"succeeded": 1, "failed": 2}, 3)
    assert page.status() == "failed"


@pytest.mark.every_liquibase
def test_upgrade_from_the_previous_release(scenario: Scenario) -> None:
    """The state file of 0.1 is read: its totals count on, and a run since then counts once."""
    scenario.write("changelog.sql", FIRST)
    assert scenario.run() == 0
    scenario.watch()
    scenario.until("succeeded")
    exporter = scenario.exporter
    assert exporter is not None
    with scenario.exporter_down():
        state = old_state(scenario.database)
        with closing(sqlite3.connect(exporter.folder / "state.sqlite")) as store, store:
            store.execute("UPDATE memory SET state = ? WHERE collector = 'liquibase'", [state])
        scenario.write("changelog.sql", FIRST, SECOND)
        assert scenario.run() == 0
    page = scenario.until_counted(6)
    assert runs(page) == {"succeeded": 4, "failed": 1, "rolled_back": 1}
    assert page.status() == "succeeded"
    assert "ignored" not in exporter.process.output()


def old_state(database: Database) -> str:
    """The state that 0.1 stored, about the tables and counters of this database."""
    state = json.loads(_STATE.read_text())
    memory = state["changelogs"]["public.databasechangelog"]
    memory["oid"] = database.value("SELECT 'databasechangelog'::regclass::oid::int8")
    [row] = database.execute("SELECT xmin::text FROM databasechangeloglock")
    memory["lock_version"] = row[0]
    [found] = database.execute(
        "SELECT h.n_tup_ins, h.n_tup_upd, h.n_tup_del, l.n_tup_upd"
        " FROM pg_stat_user_tables h, pg_stat_user_tables l"
        " WHERE h.relname = 'databasechangelog' AND l.relname = 'databasechangeloglock'"
    )
    memory["counters"] = dict(zip(("inserted", "updated", "deleted", "locks"), found, strict=True))
    return json.dumps(state)


@pytest.mark.every_liquibase
def test_no_state_directory(scenario: Scenario) -> None:
    """A restart forgets the totals and an inferred failure, and invents nothing."""
    start(scenario, FIRST, state_directory=None)
    scenario.write("changelog.sql", FIRST, BROKEN)
    assert scenario.run() == 1
    scenario.until("failed")
    scenario.restart_exporter()
    page = stays(scenario, {})
    assert page.status() == "pending"
    assert scenario.states[-1] == "pending"
