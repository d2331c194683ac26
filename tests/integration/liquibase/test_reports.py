"""Runs under the wrapper: the exporter shows what was reported, and why."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pg_migration_exporter.liquibase.reports.directory import ReportDirectory
from testbed.database import Database
from testbed.exporter import Exporter
from testbed.liquibase import Liquibase
from tests.fixtures.exporters import StartExporter, scrape, scrape_until
from tests.fixtures.migrations import CHANGELOG
from tests.fixtures.wrapper import Wrapper

MakeLiquibase = Callable[..., Liquibase]


def run_wrapped(liquibase: Liquibase, wrapper: Wrapper) -> int:
    done = wrapper.run(
        *liquibase.command("update"),
        environment=liquibase.environment(),
        cwd=liquibase.search_path,
    )
    print(done.stdout.decode(), done.stderr.decode())
    return done.returncode


@pytest.fixture
def reporting(
    database: Database, start_exporter: StartExporter, tmp_path: Path
) -> tuple[Exporter, Wrapper]:
    """An exporter and a wrapper that share a directory."""
    reports: dict[str, Any] = {"directory": str(tmp_path / "reports")}
    config = tmp_path / "wrapper.yaml"
    config.write_text(yaml.safe_dump({"reports": reports}))
    exporter = start_exporter(database, reports=reports, watch={"interval": "1s"})
    return exporter, Wrapper(config, ReportDirectory(tmp_path / "reports"))


def test_a_failure_is_reported_with_its_changeset(
    database: Database, liquibase: MakeLiquibase, reporting: tuple[Exporter, Wrapper]
) -> None:
    exporter, wrapper = reporting
    database.execute("CREATE SCHEMA gameplay")
    assert run_wrapped(liquibase("t/fail_sql.sql"), wrapper) == 1

    page = scrape_until(exporter, lambda page: page.status() == "failed", "failed")
    failure = {"changeset": "t/fail_sql.sql::bad::alice", "source": "reported"}
    assert page.value("liquibase_migration_failure_info", **failure) == 1

    database.execute("CREATE TABLE gameplay.nope (id int)")
    assert run_wrapped(liquibase("t/fail_sql.sql"), wrapper) == 0
    scrape_until(exporter, lambda page: page.status() == "succeeded", "succeeded")


def test_a_run_that_touches_nothing_is_known_to_have_failed(
    liquibase: MakeLiquibase, reporting: tuple[Exporter, Wrapper], tmp_path: Path
) -> None:
    exporter, wrapper = reporting
    shutil.copy(CHANGELOG / "t/other.sql", tmp_path)
    changelog = tmp_path / "other.sql"
    assert run_wrapped(liquibase("other.sql", tmp_path), wrapper) == 0
    scrape_until(exporter, lambda page: page.status() == "succeeded", "succeeded")

    changelog.write_text(changelog.read_text().replace("SELECT 1", "SELECT 2"))
    assert run_wrapped(liquibase("other.sql", tmp_path), wrapper) == 1
    page = scrape_until(exporter, lambda page: page.status() == "failed", "failed")
    assert page.value("liquibase_migration_failure_info", source="reported") == 1


def test_it_is_known_after_a_restart(
    database: Database, liquibase: MakeLiquibase, reporting: tuple[Exporter, Wrapper]
) -> None:
    exporter, wrapper = reporting
    database.execute("CREATE SCHEMA gameplay")
    assert run_wrapped(liquibase("t/fail_sql.sql"), wrapper) == 1
    scrape_until(exporter, lambda page: page.status() == "failed", "failed")
    exporter.restart()
    assert scrape(exporter).value("liquibase_migration_failure_info", source="reported") == 1


_WAITS = """
databaseChangeLog:
  - changeSet: {id: 1, author: a, changes: [{sql: {sql: SELECT pg_advisory_xact_lock(7)}}]}
"""


def test_a_run_that_gave_up_waiting_for_another_is_no_failure_of_that_one(
    database: Database,
    liquibase: MakeLiquibase,
    reporting: tuple[Exporter, Wrapper],
    tmp_path: Path,
) -> None:
    exporter, wrapper = reporting
    (tmp_path / "waits.yaml").write_text(_WAITS)
    update = liquibase("waits.yaml", tmp_path)
    with database.connect() as holder:
        holder.execute("SELECT pg_advisory_lock(7)")
        first = wrapper.start(*update.command("update"), **update.environment())
        scrape_until(exporter, lambda page: page.values("liquibase_lock_held") == [1], "has begun")
        impatient = {"LIQUIBASE_CHANGELOG_LOCK_WAIT_TIME_IN_MINUTES": "0"}
        assert wrapper.migrate(update, "update", **impatient).returncode == 1
        assert scrape(exporter).status() == "running"
    assert first.wait(60) == 0
    page = scrape_until(exporter, lambda page: page.status() != "running", "it is over")
    assert page.status() == "succeeded"
