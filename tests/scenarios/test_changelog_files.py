"""The history compared with the changelog files, whatever happens to either of them."""

from __future__ import annotations

import subprocess

import pytest

from testbed.programs import exporter_command
from tests.fixtures.exporters import Page
from tests.fixtures.scenario import Scenario, runs
from tests.fixtures.survival import stays

FIRST = "1: create table first (id int)"
SECOND = "2: create table second (id int)"
VIEW = "view runOnChange:true: create or replace view numbers as select 1 as number"
EDITED_VIEW = VIEW.replace("select 1", "select 2")
DEPLOYED_AT = "liquibase_last_deployment_timestamp_seconds"


def counted(page: Page, what: str) -> float:
    return page.value(f"liquibase_changesets_{what}")


@pytest.mark.liquibase("4.20.0", "5.0.1")
def test_an_edited_changeset_that_runs_on_change_is_pending(scenario: Scenario) -> None:
    scenario.write("changelog.sql", VIEW, FIRST)
    scenario.watch()
    assert scenario.run() == 0
    scenario.until("succeeded")

    scenario.write("changelog.sql", EDITED_VIEW, FIRST)
    page = scenario.until("pending")
    assert counted(page, "pending") == 1

    assert scenario.run() == 0
    page = scenario.until("succeeded")
    assert runs(page) == {"succeeded": 2}


@pytest.mark.every_liquibase
def test_a_truncated_history(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST, SECOND)
    scenario.watch()
    assert scenario.run() == 0
    scenario.until("succeeded")

    scenario.database.execute("truncate databasechangelog")
    page = scenario.until("pending", timeout=5)
    assert (counted(page, "applied"), counted(page, "pending")) == (0, 2)

    page = stays(scenario, {"succeeded": 1}, 4)
    assert page.status("public.databasechangelog") == "pending"


def test_a_run_from_another_root(scenario: Scenario) -> None:
    name = scenario.write("db/changelog.sql", FIRST, SECOND)
    scenario.watch(name)
    assert scenario.run(search_path=scenario.folder / "db") == 0

    scenario.until_counted(1)
    page = scenario.until("pending")
    assert counted(page, "pending") == counted(page, "unexpected") == 2
    assert "failed" not in scenario.states
    assert "without the prefix db/ they would match" in explanation(scenario)


@pytest.mark.every_liquibase
def test_two_services_with_one_history(scenario: Scenario) -> None:
    for service in ("orders", "users"):
        scenario.write(f"{service}.sql", f"1: create table {service} (id int)")
    files = [
        {"file": f"{service}.sql", "search_path": [str(scenario.folder)]}
        for service in ("orders", "users")
    ]
    scenario.watch(None, liquibase={"changelogs": files})
    assert scenario.run(changelog="orders.sql") == 0

    page = scenario.until("pending")
    assert (counted(page, "pending"), counted(page, "unexpected")) == (1, 0)
    assert scenario.run(changelog="users.sql") == 0
    page = scenario.until("succeeded")
    assert "failed" not in scenario.states


@pytest.mark.every_liquibase
def test_rows_that_are_not_unexpected(scenario: Scenario) -> None:
    scenario.write("changelog.sql", "1 context:test: create table first (id int)", SECOND)
    scenario.watch(
        None,
        liquibase={
            "changelogs": [
                {
                    "file": "changelog.sql",
                    "search_path": [str(scenario.folder)],
                    "contexts": "production",
                }
            ]
        },
    )
    assert scenario.run("tag", "--tag=empty") == 0
    assert scenario.run("update", "--contexts=test") == 0

    page = scenario.until("succeeded")
    assert (counted(page, "applied"), counted(page, "unexpected")) == (3, 0)


@pytest.mark.every_liquibase
@pytest.mark.liquibase("4.20.0")
def test_drift_of_checksums_of_version_8(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST, SECOND)
    scenario.watch()
    assert scenario.run() == 0
    scenario.until("succeeded")

    scenario.write("changelog.sql", FIRST, SECOND.replace("id int", "id bigint"))
    page = scenario.until("drifted")
    assert counted(page, "drifted") == 1
    assert scenario.run() == 1
    assert scenario.run(version="5.0.1") == 1


@pytest.mark.every_liquibase
@pytest.mark.parametrize("restart", [False, True])
def test_the_time_of_the_last_deployment_stays(scenario: Scenario, restart: bool) -> None:
    scenario.write("changelog.sql", FIRST, SECOND)
    scenario.watch()
    assert scenario.run() == 0
    deployed_at = scenario.until("succeeded").value(DEPLOYED_AT)
    for command in (["tag", "--tag=after"], ["clear-checksums"]):
        assert scenario.run(*command) == 0
    scenario.until_counted(3)
    if restart:
        scenario.restart_exporter()
        scenario.until("succeeded")
    assert scenario.page().value(DEPLOYED_AT) == pytest.approx(deployed_at, abs=0.01)


@pytest.mark.every_liquibase
def test_an_id_of_ten_thousand_characters(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST, f"{'x' * 10_000}: select 1 / 0")
    scenario.watch()
    assert scenario.run() == 1

    page = scenario.until("failed")
    [failed] = [
        sample.labels["changeset"]
        for sample in page.samples
        if sample.name == "liquibase_migration_failure_info"
    ]
    assert failed.startswith("changelog.sql::xxx")
    assert len(failed) <= 256


def explanation(scenario: Scenario) -> str:
    """What `explain` prints, on one line."""
    assert scenario.exporter is not None
    done = subprocess.run(
        [exporter_command(), "explain", "--config", scenario.exporter.config],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return " ".join(done.stdout.split())
