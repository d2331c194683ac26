"""Updates that end, as asked, before the last changeset: success to Liquibase, in the database as
a failure leaves it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from testbed.programs import exporter_command
from tests.fixtures.exporters import scrape_until
from tests.fixtures.migration_watch import Watched, WatchMigration
from tests.fixtures.wrapper import Wrapper

_CHANGELOG = """
databaseChangeLog:
  - changeSet: {id: first, author: a, changes: [{sql: {sql: SELECT 1}}]}
  - changeSet: {id: half, author: a, changes: [{tagDatabase: {tag: half}}]}
  - changeSet: {id: last, author: a, changes: [{sql: {sql: SELECT 2}}]}
"""
EARLY = [("update-count", "--count=2"), ("update-to-tag", "--tag=half")]


def ours(command: str, watched: Watched) -> str:
    """Output of a command of ours, its lines joined."""
    done = subprocess.run(
        [exporter_command(), command, "--config", watched.exporter.config],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return " ".join(done.stdout.split())


@pytest.fixture
def changelog(tmp_path: Path) -> Path:
    path = tmp_path / "changelog" / "steps.yaml"
    path.parent.mkdir()
    path.write_text(_CHANGELOG)
    return path


@pytest.mark.parametrize("command", EARLY, ids=lambda command: command[0])
def test_its_outcome_is_unknown_and_the_rest_is_pending(
    watch_migration: WatchMigration, changelog: Path, command: tuple[str, ...]
) -> None:
    """They release the lock twice, and wrote nothing after their last changeset."""
    watched = watch_migration(changelog.name, changelog.parent)
    assert watched.run(*command) == 0
    page = scrape_until(
        watched.exporter,
        lambda page: page.values("liquibase_runs_total", outcome="unknown") == [1],
        "the run is counted",
    )
    assert page.status() == "pending"
    assert page.value("liquibase_changesets_pending") == 1
    assert "failed" not in watched.states


def test_the_wrapper_knows_that_it_did_not(
    watch_migration: WatchMigration, changelog: Path, wrapper: Wrapper
) -> None:
    watched = watch_migration(
        changelog.name, changelog.parent, reports={"directory": str(wrapper.reports.path)}
    )
    assert wrapper.migrate(watched.liquibase, *EARLY[0]).returncode == 0
    page = scrape_until(
        watched.exporter,
        lambda page: page.values("liquibase_runs_total", outcome="succeeded") == [1],
        "the run is counted",
        60,
    )
    assert page.status() == "pending"
    assert "failed" not in watched.states


_LEFT = """
SELECT count(*) = 0 FROM pg_stat_activity
WHERE application_name = 'liquibase' AND datname = current_database()
"""


def test_nothing_is_concluded_between_liquibase_leaving_and_its_report(
    watch_migration: WatchMigration, changelog: Path, wrapper: Wrapper, tmp_path: Path
) -> None:
    reports = {"directory": str(wrapper.reports.path)}
    watched = watch_migration(changelog.name, changelog.parent, reports=reports)
    ended = tmp_path / "ended"
    then_wait = ("sh", "-c", '"$@"; while [ ! -e "$ENDED" ]; do sleep 0.05; done', "sh")
    process = wrapper.start(
        *then_wait,
        *watched.liquibase.command(*EARLY[0]),
        **watched.liquibase.environment(),
        ENDED=str(ended),
    )
    try:
        scrape_until(
            watched.exporter,
            lambda page: page.values("liquibase_changesets_applied") == [2],
            "both are recorded",
        )
        process.wait_until(lambda: watched.database.value(_LEFT), 60, "Liquibase has left")
        assert watched.page().status() == "running"
        assert "the wrapper reports that Liquibase is running" in ours("explain", watched)
    finally:
        ended.touch()
    watched.until("pending")
    assert process.wait(60) == 0
    assert watched.page().values("liquibase_runs_total", outcome="succeeded") == [1]
    assert "failed" not in watched.states
