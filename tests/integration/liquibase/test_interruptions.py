"""Runs that are killed, wait, are blocked or overtaken; and an exporter that is restarted."""

from __future__ import annotations

import subprocess

from testbed.liquibase import Liquibase
from testbed.programs import exporter_command
from testbed.waiting import wait_until
from tests.fixtures.exporters import scrape, scrape_until
from tests.fixtures.migration_watch import Watched, WatchMigration
from tests.fixtures.migrations import CHANGELOG

_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'liquibase'"
_CANCEL = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'liquibase'"
_RUNS = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'liquibase'"
    " AND datname = current_database() AND state = 'active' AND query LIKE %s"
)
_SCHEMA = ("CREATE SCHEMA gameplay",)


def await_statement(watched: Watched, pattern: str) -> None:
    """Await that the run is in the middle of a statement."""
    wait_until(lambda: watched.database.value(_RUNS, [pattern]), 60, f"Liquibase runs {pattern}")


def explain(watched: Watched) -> str:
    done = subprocess.run(
        [exporter_command(), "explain", "--config", watched.exporter.config],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def test_killed_in_the_middle_then_stale_then_released(watch_migration: WatchMigration) -> None:
    watched = watch_migration("t/slow80.sql", needs=_SCHEMA)
    run = watched.start()
    await_statement(watched, "%pg_sleep(80)%")
    page = watched.until("running")
    assert page.value("liquibase_run_duration_seconds") > 0

    run.kill()
    assert watched.page().status() == "running"  # its backend works on, as a zombie
    watched.database.execute(_END)
    page = watched.until("stale_lock")
    assert page.value("liquibase_lock_held") == 1
    assert page.values("liquibase_run_duration_seconds") == []
    text = explain(watched)
    assert "STALE_LOCK" in text
    assert "release-locks" in text
    assert "no connected session may have taken it" in text.replace("\n  ", " ")

    assert watched.run("release-locks") == 0
    page = watched.until("failed")  # what the dead run left out is known from the files
    assert page.value("liquibase_lock_held") == 0


def test_killed_by_an_administrator(watch_migration: WatchMigration) -> None:
    watched = watch_migration("t/slow80.sql", needs=_SCHEMA)
    run = watched.start()
    await_statement(watched, "%pg_sleep(80)%")
    watched.database.execute(_END)
    run.wait(60)
    assert run.returncode != 0
    scrape_until(
        watched.exporter,
        lambda page: page.status() in {"stale_lock", "failed"},
        "the end of the run is seen",
        60,
    )
    assert "succeeded" not in watched.states


def test_a_second_run_that_waits_and_then_goes_on(watch_migration: WatchMigration) -> None:
    watched = watch_migration("t/slow.sql", needs=_SCHEMA)
    first = watched.start()
    await_statement(watched, "%pg_sleep(8)%")
    second = watched.start()
    first.wait(90)
    second.wait(90)
    assert (first.returncode, second.returncode) == (0, 0)
    page = watched.until("succeeded")
    assert page.value("liquibase_changesets_applied") == 2
    assert "failed" not in watched.states
    assert "stale_lock" not in watched.states


def test_blocked_by_a_player(watch_migration: WatchMigration) -> None:
    watched = watch_migration(
        "t/alter2.sql", needs=(*_SCHEMA, "CREATE TABLE gameplay.quest_definitions (id int)")
    )
    with watched.database.connect() as player, player.transaction():
        player.execute("SELECT FROM gameplay.quest_definitions")
        run = watched.start()
        page = scrape_until(
            watched.exporter,
            lambda page: page.values("liquibase_migration_blocked") == [1],
            "the migration is blocked",
            60,
        )
        assert page.status() == "running"
    run.wait(60)
    page = watched.until("succeeded")
    assert page.value("liquibase_migration_blocked") == 0


def test_a_lock_cleared_under_a_live_run(watch_migration: WatchMigration) -> None:
    """What Liquibase before 4.29.2 does when a second run has nothing to do."""
    watched = watch_migration("t/slow80.sql", needs=_SCHEMA)
    other = Liquibase(watched.database, CHANGELOG, "t/case.sql")
    assert other.run("update").returncode == 0
    run = watched.start()
    await_statement(watched, "%pg_sleep(80)%")
    assert other.run("update").returncode == 0
    assert watched.database.value("SELECT locked FROM databasechangeloglock") is False
    for _ in range(3):
        page = watched.page()
        assert page.value("liquibase_lock_held") == 0
        assert page.status() == "running"
    watched.database.execute(_CANCEL)
    run.wait(60)
    assert run.returncode != 0
    watched.until("failed")


def test_an_exporter_restarted_in_the_middle_forgets_nothing(
    watch_migration: WatchMigration,
) -> None:
    watched = watch_migration("t/fail_sql.sql", needs=_SCHEMA)
    exporter = watched.exporter
    assert watched.run() == 1
    watched.until("failed")
    config, port = exporter.config, exporter.port

    def restart() -> None:
        exporter.stop()
        exporter.start()

    with watched.paused():
        restart()
        page = scrape(exporter)
        assert (exporter.config, exporter.port) == (config, port)
        assert page.status() == "failed"
        assert page.value("liquibase_runs_total", outcome="failed") == 1

        exporter.stop()
        watched.database.execute("CREATE TABLE gameplay.nope (id int)")
        assert watched.run() == 0  # nobody watches
        exporter.start()
        page = watched.until("succeeded")
        assert page.value("liquibase_runs_total", outcome="succeeded") == 1


def test_an_acknowledged_failure_is_not_shown_any_more(watch_migration: WatchMigration) -> None:
    watched = watch_migration("t/fail_sql.sql", needs=_SCHEMA)
    assert watched.run() == 1
    watched.until("failed")
    assert "inferred" in explain(watched)

    command = (exporter_command(), "ack", "--config", watched.exporter.config)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("acknowledged: public.databasechangelog")
    watched.until("pending")
    assert watched.run() == 1
    watched.until("failed")
