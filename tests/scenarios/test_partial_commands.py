"""Commands that leave changesets pending, or rows removed, although nothing failed."""

from __future__ import annotations

import pytest

from tests.fixtures.scenario import Scenario, runs

FIRST = "1: create table first (id int);\n--rollback drop table first"
SECOND = "2: create table second (id int);\n--rollback drop table second"
THIRD = "3: create table third (id int);\n--rollback drop table third"
TAGGED = """<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.liquibase.org/xml/ns/dbchangelog
  http://www.liquibase.org/xml/ns/dbchangelog/dbchangelog-latest.xsd">
<changeSet id="1" author="test"><sql>create table first (id int)</sql></changeSet>
<changeSet id="tag" author="test"><tagDatabase tag="half"/></changeSet>
<changeSet id="2" author="test"><sql>create table second (id int)</sql></changeSet>
</databaseChangeLog>
"""


def test_update_count(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST, SECOND, THIRD)
    scenario.watch()
    assert scenario.run("update-count", "--count=2") == 0
    page = scenario.until_counted(1)
    if scenario.version == "4.20.0":  # it leaves there what a failed update leaves
        assert page.status() == "failed"
    else:
        assert page.status() == "pending"
        assert "failed" not in scenario.states
    assert "succeeded" not in runs(page)

    assert scenario.run() == 0
    page = scenario.until("succeeded")
    assert runs(page)["succeeded"] == 1


@pytest.mark.every_liquibase
def test_update_count_that_fails(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST, f"{SECOND}", "3: create table first (id int)")
    scenario.watch()
    assert scenario.run("update-count", "--count=3") == 1
    page = scenario.until_counted(1)
    assert "succeeded" not in runs(page)


@pytest.mark.every_liquibase
def test_update_to_tag(scenario: Scenario) -> None:
    scenario.write_text("changelog.xml", TAGGED)
    scenario.watch("changelog.xml")
    assert scenario.run("update-to-tag", "--tag=half", changelog="changelog.xml") == 0
    page = scenario.until_counted(1)
    if scenario.version != "4.20.0":
        assert page.status() == "pending"
        assert "failed" not in scenario.states
    assert "succeeded" not in runs(page)


@pytest.mark.every_liquibase
def test_changelog_sync_to_tag(scenario: Scenario) -> None:
    scenario.write_text("changelog.xml", TAGGED)
    scenario.watch("changelog.xml")
    assert scenario.run("changelog-sync-to-tag", "--tag=half", changelog="changelog.xml") == 0
    page = scenario.until_counted(1)
    assert page.status() in {"pending", "failed"}
    assert "rolled_back" not in scenario.states


@pytest.mark.every_liquibase
def test_changelog_sync_of_several(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST)
    scenario.watch()
    assert scenario.run() == 0
    scenario.until_counted(1)
    scenario.write("changelog.sql", FIRST, SECOND, THIRD)
    assert scenario.run("changelog-sync") == 0
    page = scenario.until_counted(2)
    assert page.status() == "succeeded"
    assert runs(page) == {"succeeded": 2}


def test_update_testing_rollback(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST, SECOND)
    scenario.watch()
    assert scenario.run("update-testing-rollback") == 0
    page = scenario.until("succeeded")
    assert "failed" not in runs(page)


@pytest.mark.every_liquibase
def test_a_rollback_and_an_update_behind_each_other(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST, SECOND)
    scenario.watch()
    assert scenario.run() == 0
    scenario.until_counted(1)
    assert scenario.run("rollback-count", "--count=1") == 0
    assert scenario.run() == 0
    page = scenario.until(
        lambda page: page.status() == "succeeded" and sum(runs(page).values()) >= 3
    )
    assert "failed" not in scenario.states
    assert page.value("liquibase_changesets_applied") == 2


@pytest.mark.every_liquibase
@pytest.mark.liquibase("4.27.0", "5.0.1")
def test_mark_next_changeset_ran(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST, SECOND)
    scenario.watch()
    assert scenario.run() == 0
    scenario.until_counted(1)
    scenario.write("changelog.sql", FIRST, SECOND, THIRD)
    assert scenario.run("mark-next-changeset-ran") == 0
    page = scenario.until(lambda page: page.value("liquibase_changesets_applied") == 3)
    assert scenario.until("succeeded")
    assert "failed" not in runs(page)


@pytest.mark.every_liquibase
def test_a_renamed_changeset_after_a_failure(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST, "bad: select 1 / 0")
    scenario.watch()
    assert scenario.run() == 1
    scenario.until("failed")
    scenario.write("changelog.sql", FIRST, "good: create table good (id int)")
    assert scenario.run() == 0
    page = scenario.until("succeeded")
    assert runs(page) == {"failed": 1, "succeeded": 1}


@pytest.mark.every_liquibase
def test_a_failing_changeset_that_is_removed(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST, "bad: select 1 / 0")
    scenario.watch()
    assert scenario.run() == 1
    scenario.until("failed")
    scenario.write("changelog.sql", FIRST)
    assert scenario.run() == 0
    page = scenario.until("succeeded")
    assert runs(page)["failed"] == 1


def test_files_of_the_next_release_right_after_a_run(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST)
    scenario.watch()
    assert scenario.run() == 0
    scenario.write("changelog.sql", FIRST, SECOND)
    page = scenario.until(lambda page: page.status() == "pending" and sum(runs(page).values()) == 1)
    assert runs(page) == {"succeeded": 1}
    assert "failed" not in scenario.states
