"""Wrapped runs and runs by hand on the same database: each report is matched to its own run."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pg_migration_exporter.liquibase.reports.directory import ReportDirectory
from pg_migration_exporter.liquibase.reports.report import Failure, Outcome
from testbed.programs import program
from tests.fixtures.reports import make_report
from tests.fixtures.scenario import Scenario, runs
from tests.fixtures.wrapper import Wrapper, command_line

FIRST = "1: create table first (id int)"
SECOND = "2: create table second (id int)"
BROKEN = "broken: select 1 / 0"
SLEEPS = "sleeps: select pg_sleep(30)"
ASLEEP = """
FROM pg_stat_activity
WHERE query LIKE '%pg_sleep(30)%' AND state = 'active' AND pid <> pg_backend_pid()
"""


def start(scenario: Scenario, wrapper: Wrapper, *, files: bool = True) -> None:
    """Apply a changeset by hand, watched, and wait until the run is counted."""
    scenario.write("changelog.sql", FIRST)
    reports = {"directory": str(wrapper.reports.path)}
    scenario.watch("changelog.sql" if files else None, reports=reports)
    assert scenario.run() == 0
    scenario.until_counted(1)


def wrapped(
    scenario: Scenario, wrapper: Wrapper, *command: str, by: int = 0, changelog: str | None = None
) -> int:
    """Run a command under the wrapper, on a host whose clock is off by so many seconds."""
    liquibase = scenario.liquibase(changelog or "changelog.sql")
    done = wrapper.migrate(liquibase, *(command or ("update",)), **clock(by))
    print(done.stdout.decode(), done.stderr.decode())
    return done.returncode


def clock(by: int) -> dict[str, str]:
    if by == 0:
        return {}
    return {
        "LD_PRELOAD": str(program("libfaketime")),
        "FAKETIME": f"{by:+}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def failure_source(scenario: Scenario) -> list[str]:
    return [
        sample.labels["source"]
        for sample in scenario.page().samples
        if sample.name == "liquibase_migration_failure_info"
    ]


@pytest.mark.every_liquibase
@pytest.mark.parametrize("files", [True, False], ids=["files", "no_files"])
@pytest.mark.liquibase("4.20.0", "4.27.0", "5.0.1")
def test_a_wrapped_run_with_nothing_to_do_hides_no_failure_by_hand(
    scenario: Scenario, wrapper: Wrapper, files: bool
) -> None:
    """Two services share a history; one is wrapped, the other is not."""
    start(scenario, wrapper, files=files)
    scenario.write("wrapped.sql", "w: select 1")
    assert wrapped(scenario, wrapper, changelog="wrapped.sql") == 0
    scenario.until_counted(2)
    assert wrapped(scenario, wrapper, changelog="wrapped.sql") == 0
    scenario.write("changelog.sql", FIRST, BROKEN)
    assert scenario.run() == 1

    page = scenario.until("failed")
    assert runs(page)["failed"] == 1
    assert failure_source(scenario) == ["inferred"]
    assert wrapped(scenario, wrapper, changelog="wrapped.sql") == 0
    page = scenario.polled()
    assert page.status() == "failed"
    assert runs(page)["failed"] == 1


@pytest.mark.liquibase("4.20.0", "4.27.0", "5.0.1")
def test_a_refused_wrapped_run_and_a_failure_by_hand(scenario: Scenario, wrapper: Wrapper) -> None:
    start(scenario, wrapper)
    scenario.write("refused.sql", "1: select 1", "1: select 2")
    assert wrapped(scenario, wrapper, changelog="refused.sql") != 0
    scenario.until("failed")
    assert failure_source(scenario) == ["reported"]
    scenario.write("changelog.sql", FIRST, BROKEN)
    assert scenario.run() == 1

    page = scenario.until_counted(2)
    assert page.status() == "failed"
    assert runs(page) == {"succeeded": 1, "failed": 1}
    scenario.write("changelog.sql", FIRST, SECOND)
    assert scenario.run() == 0
    page = scenario.until("succeeded")
    assert runs(page) == {"succeeded": 2, "failed": 1}


@pytest.mark.every_liquibase
@pytest.mark.parametrize("by", [-120, 600], ids=["behind", "ahead"])
@pytest.mark.liquibase("4.20.0", "5.0.1")
def test_a_wrapper_whose_clock_is_wrong(scenario: Scenario, wrapper: Wrapper, by: int) -> None:
    start(scenario, wrapper)
    scenario.write("changelog.sql", FIRST, BROKEN)
    assert wrapped(scenario, wrapper, by=by) == 1
    page = scenario.until_counted(2)
    assert page.status() == "failed"
    assert runs(page) == {"succeeded": 1, "failed": 1}
    assert failure_source(scenario) == ["reported"]

    scenario.write("changelog.sql", FIRST, SECOND)
    assert scenario.run() == 0
    scenario.until("succeeded")
    scenario.restart_exporter()
    page = scenario.until("succeeded")
    assert runs(page) == {"succeeded": 2, "failed": 1}


@pytest.mark.every_liquibase
def test_a_run_that_was_interrupted(scenario: Scenario, wrapper: Wrapper) -> None:
    start(scenario, wrapper)
    scenario.write("changelog.sql", FIRST, SECOND, SLEEPS)
    liquibase = scenario.liquibase()
    process = wrapper.start(*liquibase.command("update"), **liquibase.environment())
    process.wait_until(
        lambda: scenario.database.value(f"SELECT count(*) = 1 {ASLEEP}"), 30, "the changeset runs"
    )
    process.stop()
    scenario.database.execute(f"SELECT pg_terminate_backend(pid) {ASLEEP}")
    scenario.until(lambda page: page.status() in {"failed", "stale_lock"})
    assert scenario.run("release-locks") == 0

    page = scenario.until_counted(2)
    assert scenario.until("failed")
    assert runs(page) == {"succeeded": 1, "failed": 1}
    assert failure_source(scenario) == ["reported"]
    assert scenario.exporter is not None
    explained = command_line("explain", "--config", scenario.exporter.config).stdout
    assert "interrupted by a signal" in " ".join(explained.split())


@pytest.mark.every_liquibase
@pytest.mark.parametrize("command", ["tag", "release-locks", "update-sql"])
def test_a_reported_failure_stays_until_a_good_run(
    scenario: Scenario, wrapper: Wrapper, command: str
) -> None:
    start(scenario, wrapper)
    scenario.write("changelog.sql", FIRST, BROKEN)
    assert wrapped(scenario, wrapper) == 1
    scenario.until("failed")
    arguments = (command, "--tag=after") if command == "tag" else (command,)
    assert scenario.run(*arguments) == 0
    assert wrapped(scenario, wrapper, *arguments) == 0
    page = scenario.polled()
    assert page.status() == "failed"
    assert runs(page)["failed"] == 1

    scenario.write("changelog.sql", FIRST, SECOND)
    assert scenario.run() == 0
    scenario.until("succeeded")


@pytest.mark.every_liquibase
def test_a_report_from_the_future_that_arrives_twice(scenario: Scenario, wrapper: Wrapper) -> None:
    start(scenario, wrapper)
    ahead = time.time() + 365 * 86400
    refused = make_report(
        started=ahead,
        updated=ahead,
        ended=ahead,
        outcome=Outcome.FAILED,
        failure=Failure(reason="refused"),
        lock_taken=False,
    )
    wrapper.reports.save(refused)
    scenario.until("failed")
    scenario.write("changelog.sql", FIRST, SECOND)
    assert scenario.run() == 0
    scenario.until("succeeded")

    wrapper.reports.save(refused.model_copy(update={"updated": ahead + 1}))
    scenario.polled()
    scenario.restart_exporter()
    page = scenario.until("succeeded")
    assert runs(page) == {"succeeded": 2}
    assert scenario.states.count("failed") == 1


@pytest.mark.every_liquibase
def test_a_report_that_arrives_after_its_run_was_repaired(
    scenario: Scenario, wrapper: Wrapper, tmp_path: Path
) -> None:
    start(scenario, wrapper)
    late = delayed(wrapper, tmp_path)
    scenario.write("changelog.sql", FIRST, SECOND, BROKEN)
    assert wrapped(scenario, late) == 1
    scenario.until("failed")
    assert failure_source(scenario) == ["inferred"]
    scenario.write("changelog.sql", FIRST, SECOND, "3: select 3")
    assert scenario.run() == 0
    scenario.until("succeeded")
    wrapper.reports.save(late.report())

    page = scenario.polled()
    assert page.status() == "succeeded"
    assert runs(page) == {"succeeded": 2, "failed": 1}


@pytest.mark.every_liquibase
def test_a_report_that_arrives_late_says_how_its_run_ended(
    scenario: Scenario, wrapper: Wrapper, tmp_path: Path
) -> None:
    start(scenario, wrapper)
    late = delayed(wrapper, tmp_path)
    scenario.write("changelog.sql", FIRST, BROKEN)
    assert wrapped(scenario, late) == 1
    scenario.until("failed")
    wrapper.reports.save(late.report())

    reported = {"source": "reported"}
    page = scenario.until(lambda page: page.values("liquibase_migration_failure_info", **reported))
    assert runs(page) == {"succeeded": 1, "failed": 1}


def delayed(wrapper: Wrapper, folder: Path) -> Wrapper:
    """The wrapper with reports that do not reach the exporter."""
    config = folder / "delayed.yaml"
    config.write_text(yaml.safe_dump({"reports": {"directory": str(folder / "delayed")}}))
    return replace(wrapper, config=config, reports=ReportDirectory(folder / "delayed"))
