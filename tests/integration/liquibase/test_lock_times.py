"""Without commit times, LOCKGRANTED shows when the lock was taken, in any time zone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.database import Database
from testbed.liquibase import Liquibase
from testbed.postgres import Server
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.exporters import StartExporter, scrape, scrape_until

_HOLDER = (
    "SELECT max(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND state = 'active'"
    " AND pid <> pg_backend_pid()"
)


@pytest.fixture
def untimed(workspace: Workspace) -> Iterator[Database]:
    """A database of a server that keeps no commit times."""
    server = Server(workspace, "untimed")
    server.configure({"track_commit_timestamp": "off"})
    with server:
        yield server.database()


def test_a_run_that_started_just_after_holds_no_lock(
    untimed: Database,
    start_exporter: StartExporter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    changelog = tmp_path / "changelog.sql"
    changelog.write_text("--liquibase formatted sql\n--changeset me:1\nselect 1;\n")
    liquibase = Liquibase(untimed, tmp_path, "changelog.sql", application_name=None)
    assert liquibase.run("update").returncode == 0
    exporter = start_exporter(untimed, liquibase={"stale_lock_after": "2s"})
    scrape_until(exporter, lambda page: page.status() == "succeeded", "it succeeded")

    changelog.write_text(changelog.read_text() + "--changeset me:2\nselect pg_sleep(30);\n")
    first = liquibase.start("update", log=tmp_path / "first.log")
    wait_until(lambda: untimed.value(_HOLDER), 60, "the run is at work")
    second = liquibase.start("update", log=tmp_path / "second.log")
    page = scrape_until(
        exporter, lambda page: page.values("liquibase_lock_waiters") == [1], "one waits"
    )
    assert page.status() == "running"
    untimed.execute("SELECT pg_terminate_backend(%s)", [untimed.value(_HOLDER)])
    scrape_until(exporter, lambda page: page.status() == "stale_lock", "it is stale", 15)
    assert scrape(exporter).status() == "stale_lock"
    for process in (first, second):
        process.kill()
