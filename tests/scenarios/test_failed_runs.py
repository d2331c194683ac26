"""A failed run is never taken for pending or succeeded, and never counted as succeeded."""

from __future__ import annotations

import pytest

from tests.fixtures.scenario import Scenario, runs

FIRST = "1: create table first (id int)"
SECOND = "2: create table second (id int)"
BROKEN = "broken: select 1 / 0"
VIEW = "view runAlways:true: create or replace view numbers as select 1 as number"
HALT = """--liquibase formatted sql
--preconditions onFail:HALT
--precondition-sql-check expectedResult:1 select 0
--changeset test:1
create table first (id int);
"""


def start(scenario: Scenario, *changesets: str) -> None:
    """Apply these changesets, watched, and wait until the run is counted."""
    scenario.write("changelog.sql", *changesets)
    scenario.watch()
    assert scenario.run() == 0
    scenario.until_counted(1)


def test_a_tag_and_then_an_update_that_fails_at_once(scenario: Scenario) -> None:
    start(scenario, FIRST)
    scenario.write("changelog.sql", FIRST, BROKEN)
    assert scenario.run("tag", "--tag=before") == 0
    assert scenario.run() == 1

    page = scenario.until("failed")
    assert runs(page)["failed"] == 1
    assert runs(page)["succeeded"] <= 2


@pytest.mark.every_liquibase
def test_an_update_that_fails_and_then_a_tag(scenario: Scenario) -> None:
    start(scenario, FIRST)
    scenario.write("changelog.sql", FIRST, BROKEN)
    assert scenario.run() == 1
    assert scenario.run("tag", "--tag=after") == 0

    page = scenario.until_counted(3)
    assert page.status() == "failed"
    assert runs(page)["failed"] == 1


def test_a_view_that_always_runs_before_the_changeset_that_fails(scenario: Scenario) -> None:
    start(scenario, VIEW)
    scenario.write("changelog.sql", VIEW, BROKEN)
    assert scenario.run() == 1

    page = scenario.until("failed")
    assert runs(page) == {"succeeded": 1, "failed": 1}


# 4.20 refuses the changed changeset before it takes the lock: nothing in the database shows that.
@pytest.mark.every_liquibase
@pytest.mark.liquibase("4.24.0", "4.27.0", "4.33.0", "5.0.1")
def test_a_view_that_always_runs_and_then_fails_itself(scenario: Scenario) -> None:
    start(scenario, FIRST, VIEW)
    scenario.write("changelog.sql", FIRST, f"{VIEW}, 2 as two; select 1 / 0")
    assert scenario.run() == 1

    page = scenario.until("failed")
    assert runs(page) == {"succeeded": 1, "failed": 1}


@pytest.mark.every_liquibase
def test_a_changeset_that_runs_on_change_and_fails(scenario: Scenario) -> None:
    on_change = "view runOnChange:true: create or replace view numbers as select 1 as number"
    start(scenario, FIRST, on_change)
    scenario.write("changelog.sql", FIRST, f"{on_change}; select 1 / 0")
    assert scenario.until("pending").value("liquibase_changesets_pending") == 1
    assert scenario.run() == 1

    page = scenario.until("failed")
    assert runs(page) == {"succeeded": 1, "failed": 1}


VIEWS = """databaseChangeLog:
- changeSet:
    id: view
    author: test
    runOnChange: true
    changes:
    - createView:
        viewName: numbers
        replaceIfExists: true
        selectQuery: select {} as number
"""


def test_an_edited_changeset_whose_checksum_only_liquibase_knows(scenario: Scenario) -> None:
    scenario.write_text("changelog.yaml", VIEWS.format(1))
    scenario.watch("changelog.yaml")
    assert scenario.run(changelog="changelog.yaml") == 0
    scenario.until_counted(1)
    scenario.until("succeeded")
    scenario.write_text("changelog.yaml", VIEWS.format("missing"))
    scenario.until("pending")
    scenario.restart_exporter()
    assert scenario.until("pending").value("liquibase_changesets_pending") == 1
    assert scenario.run(changelog="changelog.yaml") == 1
    assert runs(scenario.until_counted(2)) == {"succeeded": 1, "failed": 1}

    scenario.write_text("changelog.yaml", VIEWS.format(2))
    assert scenario.run(changelog="changelog.yaml") == 0
    scenario.until("succeeded")
    assert runs(scenario.until_counted(3)) == {"succeeded": 2, "failed": 1}


@pytest.mark.liquibase("4.20.0", "4.24.0", "4.27.0", "4.33.0", "5.0.1")
def test_a_view_that_always_runs_fails_after_others(scenario: Scenario) -> None:
    always = "view runAlways:true: create or replace view numbers as select count(*) from {}"
    start(scenario, FIRST, always.format("first"))
    scenario.write("changelog.sql", FIRST, SECOND, always.format("first"))
    assert scenario.run() == 0
    assert runs(scenario.until_counted(2)) == {"succeeded": 2}
    scenario.database.execute("DROP VIEW numbers; ALTER TABLE first RENAME TO moved")
    scenario.write("changelog.sql", FIRST, SECOND, "3: select 3", always.format("first"))
    assert scenario.run() == 1

    page = scenario.until_counted(3)
    assert runs(page) == {"succeeded": 2, "failed": 1}
    assert scenario.until("failed")


def test_a_failure_survives_commands_that_apply_nothing(scenario: Scenario) -> None:
    start(scenario, FIRST)
    scenario.write("changelog.sql", FIRST, BROKEN)
    assert scenario.run() == 1
    scenario.until("failed")
    for command in ("clear-checksums", "release-locks", "update-sql", "status", "validate"):
        assert scenario.run(command) == 0

    page = scenario.until_counted(3)
    assert page.status() == "failed"
    assert runs(page)["failed"] == 1


def test_a_rollback_that_fails(scenario: Scenario) -> None:
    start(scenario, f"{FIRST};\n--rollback drop table missing")
    assert scenario.run("rollback-count", "--count=1") == 1

    page = scenario.until_counted(2)
    assert page.status() in {"failed", "unknown"}
    assert runs(page) in ({"succeeded": 1, "failed": 1}, {"succeeded": 1, "unknown": 1})


@pytest.mark.every_liquibase
def test_an_update_that_repairs_the_failure(scenario: Scenario) -> None:
    start(scenario, FIRST)
    scenario.write("changelog.sql", FIRST, BROKEN)
    assert scenario.run() == 1
    scenario.until("failed")
    scenario.write("changelog.sql", FIRST, SECOND)
    assert scenario.run() == 0

    page = scenario.until("succeeded")
    assert runs(page) == {"succeeded": 2, "failed": 1}


@pytest.mark.every_liquibase
@pytest.mark.parametrize("command", ["update-sql", "release-locks", "future-rollback-sql"])
def test_commands_that_run_nothing_while_something_is_pending(
    scenario: Scenario, command: str
) -> None:
    start(scenario, FIRST)
    scenario.write("changelog.sql", FIRST, SECOND)
    scenario.until("pending")
    for _ in range(2):
        scenario.run(command)
    assert scenario.run("tag", "--tag=after") == 0

    page = scenario.until_counted(2)
    assert page.status() == "pending"
    assert "failed" not in runs(page)
    assert "failed" not in scenario.states
