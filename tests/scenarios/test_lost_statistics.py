"""Statistics that are reset or late, and tables that are rewritten.

Each test is named in docs/migration-states.md, "What survives".
"""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.fixtures.scenario import Scenario, runs
from tests.fixtures.survival import (
    BROKEN,
    FIRST,
    SECOND,
    THIRD,
    has_applied,
    holds,
    logged_outcomes,
    start,
    stays,
)


@pytest.mark.every_liquibase
@pytest.mark.parametrize("watching", [True, False], ids=["watched", "while down"])
def test_statistics_reset(scenario: Scenario, *, watching: bool) -> None:
    start(scenario, FIRST, SECOND)
    reset = "SELECT pg_stat_reset(), pg_stat_statements_reset()"
    scenario.write("changelog.sql", FIRST, SECOND, BROKEN)
    if watching:
        scenario.database.execute(reset)
        stays(scenario, {"succeeded": 1}, 3)
        assert scenario.run() == 1
    else:
        with scenario.exporter_down():
            scenario.database.execute(reset)
            assert scenario.run() == 1
    page = scenario.until_counted(2)
    assert runs(page) == {"succeeded": 1, "failed": 1}
    assert page.status() == "failed"
    assert logged_outcomes(scenario) == {"succeeded": 1, "failed": 1}


@pytest.mark.every_liquibase
@pytest.mark.parametrize("command", ["VACUUM FULL", "CLUSTER"])
def test_the_history_is_rewritten(scenario: Scenario, command: str) -> None:
    start(scenario, FIRST, SECOND)
    database = scenario.database
    if command == "CLUSTER":
        database.execute("CREATE INDEX by_order ON databasechangelog (orderexecuted)")
        database.execute("CLUSTER databasechangelog USING by_order")
    else:
        database.execute("VACUUM FULL databasechangelog")
    database.execute("VACUUM (FULL, FREEZE) databasechangeloglock")
    stays(scenario, {"succeeded": 1})
    with scenario.exporter_down():
        database.execute("VACUUM (FULL, FREEZE) databasechangelog")
    stays(scenario, {"succeeded": 1}, 5)
    scenario.write("changelog.sql", FIRST, SECOND, THIRD)
    assert scenario.run() == 0
    assert runs(scenario.until_counted(2)) == {"succeeded": 2}


@pytest.mark.every_liquibase
def test_several_pods_without_an_application_name(scenario: Scenario) -> None:
    start(scenario, FIRST)
    scenario.write("changelog.sql", FIRST, SECOND, "slow: select pg_sleep(2)")
    pods = [scenario.start(application_name=None) for _ in range(3)]
    assert [pod.wait(90) for pod in pods] == [0, 0, 0]
    scenario.until(lambda page: runs(page).get("succeeded") == 2)
    # The other two had nothing to do.
    page = holds(
        scenario, lambda page: runs(page) | {"unknown": 2} == {"succeeded": 2, "unknown": 2}
    )
    assert page.status() == "succeeded"
    assert not {"failed", "unknown", "rolled_back", "stale_lock"} & set(scenario.states)


@pytest.mark.every_liquibase
def test_several_pods_that_fail_one_after_the_other(scenario: Scenario) -> None:
    """Those that wait write the rows of the first one again, and then fail as it did."""
    start(scenario, FIRST)
    scenario.write("changelog.sql", FIRST, SECOND, "slow: select pg_sleep(2)", BROKEN)
    pods = [scenario.start() for _ in range(3)]
    assert [pod.wait(90) for pod in pods] == [1, 1, 1]
    scenario.until("failed")
    page = holds(scenario, lambda page: runs(page)["succeeded"] == 1)
    assert page.status() == "failed"
    assert set(runs(page)) == {"succeeded", "failed"}


def run_in(session: psycopg.Connection[Any], number: int) -> None:
    """What Liquibase executes for one changeset, in a session that stays connected."""
    for statement in (
        "UPDATE databasechangeloglock SET locked = TRUE, lockedby = 'pool',"
        " lockgranted = now() WHERE id = 1 AND locked = FALSE",
        f"CREATE TABLE pooled_{number} (id int);"
        " INSERT INTO databasechangelog (id, author, filename, dateexecuted, orderexecuted,"
        " md5sum, exectype, deployment_id)"
        f" SELECT '{number}', 'pool', 'pool.sql', now(), max(orderexecuted) + 1,"
        " '9:' || md5('x'), 'EXECUTED', '1234567890' FROM databasechangelog",
        "UPDATE databasechangeloglock SET locked = FALSE, lockedby = NULL,"
        " lockgranted = NULL WHERE id = 1",
    ):
        with session.transaction():
            session.execute(statement.encode())


@pytest.mark.every_liquibase
def test_short_runs_of_a_session_that_stays(scenario: Scenario) -> None:
    """A pool's statistics arrive 10 s late: a run is noticed within 2 s, and counted once then."""
    scenario.write("changelog.sql", FIRST)
    assert scenario.run() == 0
    scenario.watch(None)
    scenario.until("succeeded")
    with scenario.database.connect() as session:
        for number in (1, 2):
            run_in(session, number)
            scenario.until(has_applied(number + 1), timeout=3)
            page = scenario.until_counted(number, timeout=20)
            assert runs(page) == {"succeeded": number}
            scenario.until("succeeded")
        stays(scenario, {"succeeded": 2})
