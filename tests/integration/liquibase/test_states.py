"""Real Liquibase runs, as /metrics shows them from the tables alone."""

from __future__ import annotations

import time
from collections.abc import Callable

from testbed.database import Database
from testbed.liquibase import Liquibase
from tests.fixtures.exporters import StartExporter, scrape, scrape_until
from tests.fixtures.migrations import CHANGELOG

MakeLiquibase = Callable[..., Liquibase]
_CHANGELOG = "public.databasechangelog"


def test_a_good_migration(
    database: Database, liquibase: MakeLiquibase, start_exporter: StartExporter
) -> None:
    changelog = {"file": "db.changelog-master.xml", "search_path": [str(CHANGELOG)]}
    exporter = start_exporter(database, liquibase={"changelogs": [changelog]})
    assert scrape(exporter).status() == "not_initialised"

    assert liquibase().run("update").returncode == 0
    page = scrape_until(exporter, lambda page: page.status() == "succeeded", "it succeeded")

    applied = database.value("SELECT count(*) FROM databasechangelog")
    labels = {"datname": database.name, "changelog": _CHANGELOG}
    assert page.value("liquibase_changesets_applied", **labels) == applied
    assert page.value("liquibase_lock_held", **labels) == 0
    assert page.values("liquibase_lock_age_seconds") == []
    assert page.values("liquibase_lock_info") == []
    assert page.value("liquibase_last_deployment_changesets", **labels) == applied
    assert page.value("liquibase_tag_present", tag="production_deployment_2026_01_06") == 1
    deployed = page.value("liquibase_last_deployment_timestamp_seconds", **labels)
    assert abs(deployed - time.time()) < 600


def test_a_failing_changeset_in_the_middle_is_known_from_the_files(
    database: Database, liquibase: MakeLiquibase, start_exporter: StartExporter
) -> None:
    database.execute("CREATE SCHEMA gameplay")
    changelog = {"file": "t/fail_sql.sql", "search_path": [str(CHANGELOG)]}
    exporter = start_exporter(database, liquibase={"changelogs": [changelog]})
    scrape(exporter)

    assert liquibase("t/fail_sql.sql").run("update").returncode == 1
    page = scrape_until(exporter, lambda page: page.status() == "failed", "the failure is seen")

    failure = {"changeset": "t/fail_sql.sql::bad::alice", "source": "inferred"}
    assert page.value("liquibase_migration_failure_info", **failure) == 1
    assert page.value("liquibase_changesets_applied") == 1
    assert page.value("liquibase_changesets_pending") == 2
    assert page.value("liquibase_next_changeset_info", changeset=failure["changeset"]) == 1
    assert page.value("liquibase_runs_total", outcome="failed") == 1

    database.execute("CREATE TABLE gameplay.nope (id int)")
    assert liquibase("t/fail_sql.sql").run("update").returncode == 0
    page = scrape_until(exporter, lambda page: page.status() == "succeeded", "it is fixed")
    assert page.values("liquibase_migration_failure_info") == []
    assert page.value("liquibase_changesets_pending") == 0
    assert page.values("liquibase_next_changeset_info") == []
    assert page.value("liquibase_runs_total", outcome="succeeded") == 1


def test_a_running_and_then_a_killed_migration(
    database: Database, liquibase: MakeLiquibase, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(database, liquibase={"stale_lock_after": "1s"})
    scrape(exporter)
    slow = liquibase("t/slow80.sql")
    process = slow.start("update", log=exporter.folder / "liquibase.log")
    at_work = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(80)%'"
        " AND application_name = 'liquibase' AND datname = current_database()"
    )
    process.wait_until(lambda: database.value(at_work), 60, "runs its changeset")

    page = scrape(exporter)
    assert page.status() == "running"
    assert page.value("liquibase_lock_held") == 1
    holder = database.value("SELECT lockedby FROM databasechangeloglock")
    assert page.value("liquibase_lock_info", locked_by=holder) == 1
    assert page.value("liquibase_lock_age_seconds") > 0
    assert page.value("liquibase_migration_blocked") == 0

    process.kill()
    assert scrape(exporter).status() == "running"  # its backend does not know yet
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
        ["liquibase"],
    )
    stale = scrape_until(exporter, lambda page: page.status() != "running", "not running any more")
    assert stale.status() == "stale_lock"


def test_a_blocked_migration(
    database: Database, liquibase: MakeLiquibase, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(database)
    database.execute("CREATE SCHEMA gameplay")
    database.execute("CREATE TABLE gameplay.quest_definitions (id int)")
    with database.connect() as player, player.transaction():
        player.execute("SELECT * FROM gameplay.quest_definitions")
        process = liquibase("t/alter2.sql").start("update", log=exporter.folder / "liquibase.log")
        page = scrape_until(
            exporter,
            lambda page: (
                page.values("liquibase_migration_blocked") == [1]
                and page.values("postgres_blocked_sessions", datname=database.name) == [1]
            ),
            "blocked",
            60,
        )
        assert page.status() == "running"
    process.wait(60)
    assert process.returncode == 0
    scrape_until(exporter, lambda page: page.status() == "succeeded", "it succeeded")


def test_without_a_grant_the_state_is_unknown(
    database: Database, liquibase: MakeLiquibase, start_exporter: StartExporter
) -> None:
    assert liquibase("t/case.sql").run("update").returncode == 0
    database.execute("CREATE ROLE watcher LOGIN PASSWORD 'x' IN ROLE pg_monitor")
    watcher = Database(database.port, database.name, "watcher", "x")
    exporter = start_exporter(watcher)
    try:
        page = scrape(exporter)
        assert page.status(_CHANGELOG) == "unknown"
        assert page.values("liquibase_changesets_applied") == []

        database.execute("GRANT SELECT ON databasechangelog, databasechangeloglock TO watcher")
        assert scrape(exporter).status(_CHANGELOG) == "succeeded"
    finally:
        exporter.stop()
        database.execute("DROP OWNED BY watcher; DROP ROLE watcher")


def test_tables_of_any_name_in_any_schema(
    database: Database, liquibase: MakeLiquibase, start_exporter: StartExporter
) -> None:
    database.execute("CREATE SCHEMA deploy")
    names = {
        "LIQUIBASE_LIQUIBASE_SCHEMA_NAME": "deploy",
        "LIQUIBASE_DATABASE_CHANGELOG_TABLE_NAME": "quest_history",
        "LIQUIBASE_DATABASE_CHANGELOG_LOCK_TABLE_NAME": "quest_guard",
    }
    run = liquibase("t/case.sql").run("update", environment=names)
    assert run.returncode == 0, run.stderr
    page = scrape(start_exporter(database))

    assert page.status("deploy.quest_history") == "succeeded"
    assert page.value("liquibase_changesets_applied", changelog="deploy.quest_history") == 1


def test_a_locked_history_is_unknown_and_costs_nothing_else(
    database: Database, liquibase: MakeLiquibase, start_exporter: StartExporter
) -> None:
    assert liquibase("t/case.sql").run("update").returncode == 0
    exporter = start_exporter(database)
    assert scrape(exporter).status() == "succeeded"
    with database.connect() as other, other.transaction():
        other.execute("LOCK TABLE databasechangelog IN ACCESS EXCLUSIVE MODE")
        page = scrape(exporter)
        assert page.status() == "unknown"
        assert set(page.values("migration_exporter_collector_success")) == {1}
    assert scrape(exporter).status() == "succeeded"
