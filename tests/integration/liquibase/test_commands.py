"""Liquibase's other commands, several changelogs, other names and other time zones."""

from __future__ import annotations

import time
from collections.abc import Callable

from testbed.database import Database
from testbed.liquibase import Liquibase
from tests.fixtures.exporters import Page, StartExporter, scrape, scrape_until
from tests.fixtures.migration_watch import WatchMigration
from tests.fixtures.migrations import CHANGELOG, MASTER

TAG = "production_deployment_2026_01_06"


def test_update_rollback_and_tags(watch_migration: WatchMigration) -> None:
    watched = watch_migration(MASTER)
    watched.database.execute("DROP EXTENSION pg_stat_statements")
    assert watched.run() == 0
    page = watched.until("succeeded")
    everything = page.value("liquibase_changesets_applied")
    assert page.value("liquibase_changeset_duration_seconds_count") >= everything - 1
    assert page.value("liquibase_tag_present", tag=TAG) == 1

    assert watched.run("rollback-count", "--count=2") == 0
    page = watched.until("rolled_back")
    assert page.value("liquibase_changesets_applied") == everything - 2
    assert page.value("liquibase_changesets_pending") == 2
    assert page.value("liquibase_runs_total", outcome="rolled_back") == 1
    assert page.values("liquibase_tag_present", tag=TAG) == []

    assert watched.run("tag", "--tag=before") == 0
    page = scrape_until(
        watched.exporter, lambda page: page.values("liquibase_tag_present", tag="before"), "the tag"
    )
    assert page.status() == "pending"

    assert watched.run() == 0
    watched.until("succeeded")
    assert watched.run("rollback", "--tag=before") == 0
    watched.until("rolled_back")

    assert watched.run("clear-checksums") == 0
    assert watched.run() == 0
    watched.until("succeeded")

    assert watched.run("drop-all", "--force") == 0
    watched.until_gone()
    assert "failed" not in watched.states
    watched.database.execute("DROP SCHEMA gameplay CASCADE")  # drop-all keeps to its own schema
    assert watched.run() == 0
    page = watched.until("succeeded")
    assert page.value("liquibase_changesets_applied") == everything


def test_what_runs_always_is_never_pending(watch_migration: WatchMigration) -> None:
    watched = watch_migration("t/exec.xml", properties={"v": "1"})
    for _ in range(2):
        assert watched.run("update", "-Dv=1") == 0
    page = scrape_until(
        watched.exporter,
        lambda page: page.values("liquibase_runs_total", outcome="succeeded") == [2],
        "both runs are counted",
    )
    assert page.status() == "succeeded"
    assert page.value("liquibase_changesets_pending") == 0
    assert "failed" not in watched.states


def test_two_changelogs_in_one_database(
    database: Database, liquibase: Callable[..., Liquibase], start_exporter: StartExporter
) -> None:
    """They share the lock: only their own files and history tell them apart."""
    second = {"LIQUIBASE_DATABASE_CHANGELOG_TABLE_NAME": "quest_history"}
    sections = [
        {"file": "t/case.sql", "search_path": [str(CHANGELOG)]},
        {
            "file": "t/fail_sql.sql",
            "search_path": [str(CHANGELOG)],
            "table": "public.quest_history",
        },
    ]
    exporter = start_exporter(
        database,
        liquibase={"changelogs": sections, "discovery_interval": "1s"},
        watch={"interval": "1s"},
    )
    database.execute("CREATE SCHEMA gameplay")
    assert liquibase("t/case.sql").run("update").returncode == 0
    scrape_until(exporter, lambda page: page.status() == "succeeded", "the first succeeded")

    def is_second(status: str) -> Callable[[Page], bool]:
        labels = {"changelog": "public.quest_history", "status": status}
        return lambda page: page.values("liquibase_migration_status", **labels) == [1]

    # A run that is over before its history is discovered is nobody's to see.
    release = liquibase("t/fail_sql.sql")
    assert release.run("status", environment=second).returncode == 0
    scrape_until(exporter, is_second("pending"), "the second is known")
    assert release.run("update", environment=second).returncode == 1
    page = scrape_until(exporter, is_second("failed"), "the second failed")
    assert page.status("public.databasechangelog") == "succeeded"


def test_tables_of_mixed_case(database: Database, start_exporter: StartExporter) -> None:
    """As they are named with quoting strategies that keep the case."""
    database.execute('CREATE SCHEMA "Deploy"')
    database.execute(
        'CREATE TABLE "Deploy"."DatabaseChangeLog" (id varchar(255), author varchar(255), filename'
        " varchar(255), dateexecuted timestamp, orderexecuted int, exectype varchar(10), md5sum"
        " varchar(35), tag varchar(255), deployment_id varchar(10))"
    )
    database.execute(
        'CREATE TABLE "Deploy"."DatabaseChangeLogLock" (id int, locked bool, lockgranted timestamp,'
        " lockedby varchar(255))"
    )
    database.execute(
        "INSERT INTO \"Deploy\".\"DatabaseChangeLog\" VALUES ('1', 'Me', 'A.sql', now(), 1,"
        " 'EXECUTED', NULL, NULL, '1234567890')"
    )
    page = scrape(start_exporter(database))
    assert page.status("Deploy.DatabaseChangeLog") == "succeeded"
    assert page.value("liquibase_changesets_applied") == 1


def test_a_jvm_in_another_time_zone(
    database: Database, liquibase: Callable[..., Liquibase], start_exporter: StartExporter
) -> None:
    far = {"JAVA_TOOL_OPTIONS": "-Duser.timezone=Pacific/Kiritimati"}  # UTC+14
    assert liquibase("t/case.sql").run("update", environment=far).returncode == 0
    page = scrape(start_exporter(database))
    deployed = page.value("liquibase_last_deployment_timestamp_seconds")
    assert abs(deployed - time.time()) < 600
