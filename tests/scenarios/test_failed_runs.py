"""A failed run is never taken for pending or succeeded, and never counted as succeeded."""

from __future__ import annotations

from tests.fixtures.scenario import Scenario, runs

FIRST = "1: create table first (id int)"
BROKEN = "2: select 1 / 0"
VIEW = "view runAlways:true: create or replace view numbers as select 1 as number"


def test_a_tag_and_then_an_update_that_fails_at_once(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST)
    scenario.watch()
    assert scenario.run() == 0
    scenario.until("succeeded")
    scenario.write("changelog.sql", FIRST, BROKEN)
    assert scenario.run("tag", "--tag=before") == 0
    assert scenario.run() == 1

    page = scenario.until("failed")
    assert runs(page).get("failed") == 1
    assert runs(page)["succeeded"] <= 2


def test_a_view_that_always_runs_before_the_changeset_that_fails(scenario: Scenario) -> None:
    scenario.write("changelog.sql", VIEW)
    scenario.watch()
    assert scenario.run() == 0
    scenario.until_counted(1)
    scenario.write("changelog.sql", VIEW, BROKEN)
    assert scenario.run() == 1

    page = scenario.until("failed")
    assert runs(page) == {"succeeded": 1, "failed": 1}
