"""Who holds the lock, who waits for it, and when it is stale."""

from __future__ import annotations

from testbed.programs import liquibase_jars
from testbed.waiting import wait_until
from tests.fixtures.scenario import Scenario, runs

FIRST = "1: create table first (id int)"
SLOW = "2: select pg_sleep(12)"
_HOLDER = (
    "SELECT max(pid) FROM pg_stat_activity WHERE datname = current_database()"
    " AND state = 'active' AND query LIKE '%pg_sleep(12)%' AND pid <> pg_backend_pid()"
)
_SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = 'liquibase'"
)


def test_sessionlock_without_a_lock_table(scenario: Scenario) -> None:
    jars = [*liquibase_jars("sessionlock").glob("*.jar")]
    scenario.write("changelog.sql", FIRST, "2: select pg_sleep(4)")
    scenario.watch()
    assert scenario.page().status() == "not_initialised"
    run = scenario.start(extensions=jars)
    page = scenario.until("running")
    assert page.value("liquibase_lock_held") == 1
    pid = scenario.database.value("SELECT pid FROM pg_locks WHERE locktype = 'advisory'")
    [info] = [one for one in page.samples if one.name == "liquibase_lock_info"]
    assert f"(pid {pid})" in info.labels["locked_by"]
    run.wait(60)
    scenario.until("succeeded")
    page = scenario.until_counted(1)
    assert runs(page) == {"succeeded": 1}
    assert page.value("liquibase_lock_held") == 0
    assert scenario.database.value("SELECT to_regclass('databasechangeloglock')") is None

    scenario.write("changelog.sql", FIRST, "2: select pg_sleep(4)", "3: select 1 / 0")
    assert scenario.run(extensions=jars) == 1
    scenario.until("failed")
    assert "stale_lock" not in scenario.states


def test_the_holder_is_killed_while_others_wait(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST)
    scenario.watch()
    assert scenario.run() == 0
    scenario.write("changelog.sql", FIRST, SLOW)
    pods = [scenario.start() for _ in range(3)]
    wait_until(lambda: scenario.database.value(_HOLDER), 60, "one holds the lock")
    wait_until(lambda: scenario.database.value(_SESSIONS) == 3, 60, "all are connected")
    page = scenario.until(lambda page: page.values("liquibase_lock_waiters") == [2])
    assert page.status() == "running"

    holder = scenario.database.value(_HOLDER)
    scenario.database.execute("SELECT pg_terminate_backend(%s)", [holder])
    scenario.until("stale_lock", timeout=15)
    assert sum(pod.is_running for pod in pods) >= 2
