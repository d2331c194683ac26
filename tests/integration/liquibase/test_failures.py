"""Runs that fail, in every way that leaves another trace: real Liquibase, states over time."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.fixtures.migration_watch import WatchMigration
from tests.fixtures.migrations import CHANGELOG

QUESTS = (
    "CREATE SCHEMA gameplay",
    "CREATE TABLE gameplay.quest_definitions (title text, status text CHECK (status <> 'active'),"
    " level_min int, level_max int)",
    "INSERT INTO gameplay.quest_definitions (status, level_min) VALUES ('draft', 1), ('draft', 1)",
)
_INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"


@pytest.mark.parametrize(
    ("changelog", "failing", "applied"),
    [
        ("t/fail_sql.sql", "bad", 1),
        ("t/fail_check.sql", "check-viol", 0),
        ("t/fail_conc.sql", "uniq-conc", 0),
        ("t/fail_stmt.sql", "stmt-timeout", 0),
    ],
)
def test_a_changeset_that_fails(
    watch_migration: WatchMigration, changelog: str, failing: str, applied: int
) -> None:
    watched = watch_migration(changelog, needs=QUESTS)
    assert watched.run() == 1

    page = watched.until("failed")
    failure = {"changeset": f"{changelog}::{failing}::alice", "source": "inferred"}
    assert page.value("liquibase_migration_failure_info", **failure) == 1
    assert page.value("liquibase_changesets_applied") == applied
    assert page.value("liquibase_runs_total", outcome="failed") == 1
    assert page.value("liquibase_lock_held") == 0
    assert watched.states[0] == "not_initialised"
    assert "succeeded" not in watched.states
    assert watched.database.value(_INVALID) == int(failing == "uniq-conc")


def test_a_lock_timeout(watch_migration: WatchMigration) -> None:
    watched = watch_migration("t/fail_lock.sql", needs=QUESTS)
    with watched.database.connect() as player, player.transaction():
        player.execute("SELECT FROM gameplay.quest_definitions")
        assert watched.run() == 1
        watched.until("failed")
    assert "succeeded" not in watched.states


def test_a_halting_precondition(watch_migration: WatchMigration) -> None:
    watched = watch_migration("t/halt.xml")
    assert watched.run() == 1
    page = watched.until("failed")
    assert page.value("liquibase_changesets_applied") == 1
    failure = {"changeset": "t/halt.xml::pc-halt::a"}
    assert page.value("liquibase_migration_failure_info", **failure) == 1


def test_what_may_be_left_out_is_no_failure(watch_migration: WatchMigration) -> None:
    """failOnError=false and onFail=CONTINUE leave no row, MARK_RAN leaves one: exit code 0."""
    watched = watch_migration("t/exec.xml", properties={"v": "1"})
    assert watched.run("update", "-Dv=1") == 0
    page = watched.until("succeeded")
    assert page.value("liquibase_changesets_pending") == 0
    assert page.value("liquibase_runs_total", outcome="succeeded") == 1
    assert "failed" not in watched.states


def test_a_checksum_mismatch_touches_nothing_and_is_seen_in_the_files(
    watch_migration: WatchMigration, tmp_path: Path
) -> None:
    shutil.copy(CHANGELOG / "t/other.sql", tmp_path)
    watched = watch_migration("other.sql", tmp_path)
    assert watched.run() == 0
    watched.until("succeeded")

    changelog = tmp_path / "other.sql"
    changelog.write_text(changelog.read_text().replace("SELECT 1", "SELECT 2"))
    page = watched.until("drifted")
    assert page.value("liquibase_changesets_drifted") == 1

    assert watched.run() == 1
    page = watched.page()
    assert page.status() == "drifted"
    assert page.value("liquibase_runs_total", outcome="failed") == 0


def test_a_changeset_that_comes_after_a_good_run_is_pending(
    watch_migration: WatchMigration, tmp_path: Path
) -> None:
    shutil.copy(CHANGELOG / "t/other.sql", tmp_path)
    watched = watch_migration("other.sql", tmp_path)
    assert watched.run() == 0
    watched.until("succeeded")

    with (tmp_path / "other.sql").open("a") as changelog:
        changelog.write("--changeset p:later\nSELECT 1;\n")
    watched.until("pending")
    assert watched.run() == 0
    watched.until("succeeded")
    assert "failed" not in watched.states


def test_a_failure_stays_until_it_is_mended(watch_migration: WatchMigration) -> None:
    watched = watch_migration("t/fail_sql.sql", needs=QUESTS)
    assert watched.run() == 1
    watched.until("failed")
    assert watched.run("status") == 0
    assert watched.page().status() == "failed"
    assert watched.run() == 1
    watched.until("failed")

    watched.database.execute("CREATE TABLE gameplay.nope (id int)")
    assert watched.run() == 0
    page = watched.until("succeeded")
    assert page.value("liquibase_runs_total", outcome="failed") == 2
    assert page.values("liquibase_migration_failure_info") == []
