"""Which tables are a changelog: odd names, copies, and tables that are gone."""

from __future__ import annotations

import pytest

from tests.fixtures.exporters import Page
from tests.fixtures.scenario import Scenario, runs

FIRST = "1: create table first (id int)"
_ODD_NAMES = {
    "LIQUIBASE_DATABASE_CHANGELOG_TABLE_NAME": "quest_history",
    "LIQUIBASE_DATABASE_CHANGELOG_LOCK_TABLE_NAME": "quest_guard",
}


def changelogs(page: Page) -> set[str]:
    return {
        sample.labels["changelog"]
        for sample in page.samples
        if sample.name == "liquibase_migration_status"
    }


@pytest.mark.every_liquibase
def test_odd_names_next_to_the_default_ones(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST)
    scenario.write("other.sql", "9: create table other (id int)")
    assert scenario.run() == 0
    assert scenario.run(changelog="other.sql", environment=_ODD_NAMES) == 0
    scenario.watch(None)
    page = scenario.page()
    assert page.status("public.databasechangelog") == "succeeded"
    assert page.status("public.quest_history") == "succeeded"
    assert page.value("liquibase_lock_held", changelog="public.quest_history") == 0


@pytest.mark.every_liquibase
def test_copies_are_no_changelogs(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST)
    scenario.watch(liquibase={"discovery_interval": "1s", "exclude": ["*.kept_*"]})
    assert scenario.run() == 0
    scenario.until("succeeded")
    database = scenario.database
    for sql in (
        "CREATE TABLE databasechangelog_backup AS SELECT * FROM databasechangelog",
        "CREATE TABLE databasechangeloglock_backup AS SELECT * FROM databasechangeloglock",
        "CREATE TABLE before_release (LIKE databasechangelog INCLUDING ALL)",
        "INSERT INTO before_release SELECT * FROM databasechangelog",
        "CREATE TABLE databasechangeloghistory (LIKE databasechangelog INCLUDING ALL)",
        "CREATE TABLE kept_history (LIKE databasechangelog INCLUDING ALL)",
    ):
        database.execute(sql)
    scenario.write("changelog.sql", FIRST, "2: select pg_sleep(2)")
    assert scenario.run() == 0
    page = scenario.until_counted(2)
    assert changelogs(page) == {"public.databasechangelog"}
    assert runs(page) == {"succeeded": 2}


def test_a_lock_table_that_is_dropped(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST)
    scenario.watch()
    assert scenario.run() == 0
    scenario.until_counted(1)
    scenario.database.execute("DROP TABLE databasechangeloglock")
    for _ in range(3):
        assert scenario.page().status() == "succeeded"
    scenario.write("changelog.sql", FIRST, "2: select 2")
    assert scenario.run() == 0
    scenario.until("succeeded")
    page = scenario.until_counted(2)
    assert runs(page) == {"succeeded": 2}


@pytest.mark.every_liquibase
def test_a_lock_table_of_another_name_that_is_dropped(scenario: Scenario) -> None:
    """Tables of other names are not searched for at each poll: this one is known and missing."""
    scenario.write("changelog.sql", FIRST)
    assert scenario.run(environment=_ODD_NAMES) == 0
    scenario.watch(None)
    assert scenario.page().status("public.quest_history") == "succeeded"
    scenario.database.execute("DROP TABLE quest_guard")
    for _ in range(3):
        assert scenario.page().status("public.quest_history") == "succeeded"


@pytest.mark.every_liquibase
def test_dropped_and_remembered(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST)
    scenario.watch()
    assert scenario.run() == 0
    scenario.until_counted(1)
    scenario.database.execute("DROP EXTENSION pg_stat_statements")  # drop-all fails at its views
    assert scenario.run("drop-all") == 0
    page = scenario.until("not_initialised")
    assert changelogs(page) == {"public.databasechangelog"}
    assert page.values("liquibase_changesets_applied") == []
    scenario.restart_exporter()
    page = scenario.until("not_initialised")
    assert changelogs(page) == {"public.databasechangelog"}

    assert scenario.run() == 0
    page = scenario.until("succeeded")
    assert page.value("liquibase_changesets_applied") == 1
