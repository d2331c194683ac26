"""Without changelog files, rolled back transactions show whether a run went on to its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.fixtures.scenario import Scenario, runs

FIRST = "1: create table first (id int)"
SECOND = "2: create table second (id int)"
BROKEN = "broken: select 1 / 0"


def start(scenario: Scenario) -> None:
    """Apply one changeset, watched without files, and wait until the run is counted."""
    scenario.write("changelog.sql", FIRST)
    scenario.watch(None)
    assert scenario.run() == 0
    assert runs(scenario.until_counted(1)) == {"succeeded": 1}
    scenario.until("succeeded")


@pytest.mark.liquibase("4.20.0", "4.24.0", "4.27.0", "4.29.2", "4.33.0", "5.0.1")
def test_a_run_that_records_changesets_and_then_fails(scenario: Scenario) -> None:
    start(scenario)
    scenario.write("changelog.sql", FIRST, SECOND, BROKEN)
    assert scenario.run() == 1

    page = scenario.until_counted(2)
    assert runs(page) == {"succeeded": 1, "failed": 1}
    assert scenario.until("failed").values("liquibase_migration_failure_info", source="inferred")

    scenario.write("changelog.sql", FIRST, SECOND, "3: create table third (id int)")
    assert scenario.run() == 0
    assert runs(scenario.until_counted(3)) == {"succeeded": 2, "failed": 1}
    scenario.until("succeeded")


@pytest.mark.every_liquibase
@pytest.mark.parametrize("attributes", ["", " runInTransaction:false"])
def test_the_first_run_records_a_changeset_and_then_fails(
    scenario: Scenario, attributes: str
) -> None:
    scenario.write("changelog.sql", FIRST, f"broken{attributes}: select 1 / 0")
    scenario.watch(None)
    assert scenario.run() == 1

    page = scenario.until_counted(1)
    assert "succeeded" not in runs(page)
    assert page.status() in {"failed", "unknown"}
    assert "succeeded" not in scenario.states


@pytest.mark.every_liquibase
def test_a_run_outside_of_transactions(scenario: Scenario) -> None:
    start(scenario)
    index = "2 runInTransaction:false: create index concurrently by_id on first (id)"
    scenario.write("changelog.sql", FIRST, index, SECOND.replace("2:", "3:"))
    assert scenario.run() == 0
    assert runs(scenario.until_counted(2)) == {"succeeded": 2}


@pytest.mark.every_liquibase
def test_a_run_outside_of_transactions_that_fails_later(scenario: Scenario) -> None:
    start(scenario)
    index = "2 runInTransaction:false: create index concurrently by_id on first (id)"
    broken = "3 runInTransaction:false: create index concurrently by_name on first (name)"
    scenario.write("changelog.sql", FIRST, index, broken)
    assert scenario.run() == 1
    assert runs(scenario.until_counted(2)) == {"succeeded": 1, "unknown": 1}
    assert scenario.until("unknown")


@contextmanager
def rolling_back(scenario: Scenario) -> Iterator[None]:
    """Another session that stays connected rolls back transactions meanwhile."""
    stop = threading.Event()

    def roll_back() -> None:
        with scenario.database.connect(application_name="other") as session:
            while not stop.wait(0.2):
                session.execute("begin; select 1; rollback")

    thread = threading.Thread(target=roll_back)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.every_liquibase
@pytest.mark.parametrize("fails", [True, False])
def test_other_sessions_roll_back_too(scenario: Scenario, *, fails: bool) -> None:
    start(scenario)
    scenario.write("changelog.sql", FIRST, SECOND, *([BROKEN] if fails else []))
    with rolling_back(scenario):
        assert scenario.run() == int(fails)
        page = scenario.until_counted(2)
    assert runs(page) == {"succeeded": 1, "unknown": 1}
    assert scenario.until("unknown")
