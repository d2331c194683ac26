"""Who holds the lock, who waits for it, and when it is stale."""

from __future__ import annotations

from typing import Any

import pytest

from testbed.pgbouncer import PgBouncer
from testbed.postgres import Server
from testbed.programs import liquibase_jars
from testbed.waiting import wait_until
from testbed.workspace import Workspace
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

    broken = "3: select pg_sleep(3);\nselect 1 / 0"
    scenario.write("changelog.sql", FIRST, "2: select pg_sleep(4)", broken)
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


def test_a_login_that_sets_its_role(scenario: Scenario) -> None:
    """The session belongs to the login, the tables to the role."""
    database = scenario.database
    database.execute("CREATE ROLE owners; GRANT ALL ON SCHEMA public TO owners")
    database.execute(f"CREATE ROLE deployer LOGIN NOINHERIT PASSWORD '{database.password}'")
    database.execute("GRANT owners TO deployer; ALTER ROLE deployer SET role = owners")
    try:
        deployer = database.as_user("deployer")
        scenario.write("changelog.sql", FIRST, SLOW)
        scenario.watch(liquibase={"trusted_owners": ["owners"]})
        run = scenario.start(database=deployer, application_name=None)
        wait_until(lambda: database.value(_HOLDER), 60, "it holds the lock")
        scenario.until("running")
        run.wait(60)
        scenario.until("succeeded")
        assert "stale_lock" not in scenario.states
        assert database.value("SELECT relowner::regrole::text FROM pg_class WHERE relname = %s",
                              ["databasechangeloglock"]) == "owners"  # fmt: skip

        scenario.write("changelog.sql", FIRST, SLOW, "3: select pg_sleep(12.0)")
        scenario.start(database=deployer, application_name=None)
        holder = _HOLDER.replace("(12)", "(12.0)")
        wait_until(lambda: database.value(holder), 60, "it holds the lock")
        scenario.until("running")
        database.execute("SELECT pg_terminate_backend(%s)", [database.value(holder)])
        scenario.until("stale_lock", timeout=15)
    finally:
        scenario.end()
        database.execute("DROP OWNED BY owners, deployer CASCADE; DROP ROLE deployer, owners")


@pytest.mark.every_liquibase
def test_a_pool_with_the_name_of_liquibase(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST)
    scenario.watch()
    with scenario.database.connect(application_name="liquibase") as pooled:
        pooled.execute("SELECT 1")
        assert scenario.run() == 0
        scenario.until("succeeded", timeout=20)
        scenario.until_counted(1, timeout=20)
        scenario.write("changelog.sql", FIRST, "2: select 1 / 0")
        assert scenario.run() == 1
        page = scenario.until("failed", timeout=20)
        assert runs(page) == {"succeeded": 1, "failed": 1}


@pytest.mark.every_liquibase
def test_an_idle_session_of_the_owner_holds_no_lock(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST, SLOW)
    scenario.watch()
    with scenario.database.connect() as older:
        older.execute("SELECT 1")
        scenario.start(application_name=None)
        wait_until(lambda: scenario.database.value(_HOLDER), 60, "it holds the lock")
        scenario.until("running")
        holder = scenario.database.value(_HOLDER)
        scenario.database.execute("SELECT pg_terminate_backend(%s)", [holder])
        scenario.until("stale_lock", timeout=15)


@pytest.mark.every_liquibase
def test_blocked_by_an_older_session_of_its_own_role(scenario: Scenario) -> None:
    scenario.write("changelog.sql", FIRST)
    scenario.watch()
    assert scenario.run() == 0
    scenario.write("changelog.sql", FIRST, "2: alter table first add column name text")
    with scenario.database.connect() as application, application.transaction():
        application.execute("SELECT * FROM first")
        run = scenario.start(application_name=None)
        page = scenario.until(lambda page: page.values("liquibase_migration_blocked") == [1])
        assert page.status() == "running"
    run.wait(60)
    page = scenario.until("succeeded")
    assert page.value("liquibase_migration_blocked") == 0


@pytest.mark.every_liquibase
def test_behind_a_transaction_pooler(
    scenario: Scenario, workspace: Workspace, server: Server
) -> None:
    """Its server connections keep Liquibase's name, and stay."""
    scenario.write("changelog.sql", FIRST)
    scenario.watch()
    options = {"pool_mode": "transaction", "ignore_startup_parameters": "extra_float_digits"}
    with PgBouncer(workspace, server, options, name=f"bouncer_{scenario.database.name}") as bouncer:
        pooled: dict[str, Any] = {
            "database": bouncer.database(scenario.database.name),
            "application_name": "liquibase&prepareThreshold=0",
        }
        assert scenario.run(**pooled) == 0
        page = scenario.until_counted(1, timeout=20)
        assert runs(page) == {"succeeded": 1}
        scenario.write("changelog.sql", FIRST, SLOW, "3: select 1 / 0")
        run = scenario.start(**pooled)
        wait_until(lambda: scenario.database.value(_HOLDER), 60, "it holds the lock")
        scenario.until("running")
        run.wait(60)
        scenario.until("failed", timeout=20)
        page = scenario.until_counted(2, timeout=20)
        assert runs(page) == {"succeeded": 1, "failed": 1}
        assert "stale_lock" not in scenario.states
