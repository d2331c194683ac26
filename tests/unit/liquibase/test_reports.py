"""What is known of reports while they arrive."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from pg_migration_exporter.config import Settings
from pg_migration_exporter.liquibase.reports import cached_directory
from pg_migration_exporter.liquibase.reports.directory import ReportDirectory, read_report
from pg_migration_exporter.liquibase.reports.received import ReceivedReports
from pg_migration_exporter.liquibase.reports.report import Outcome, Report, RunTarget
from pg_migration_exporter.liquibase.state.evidence import ReportedRun
from pg_migration_exporter.postgres.rows import Rows
from tests.fixtures.reports import make_report

CHANGELOG = "public.databasechangelog"


@pytest.fixture
def files(tmp_path: Path) -> ReportDirectory:
    return ReportDirectory(tmp_path)


@pytest.fixture
def reports(tmp_path: Path) -> ReceivedReports:
    return reports_in(tmp_path)


def reports_in(directory: Path, *servers: str) -> ReceivedReports:
    """The reports of one target; `servers` as its configuration names them."""
    settings = {"reports": {"directory": str(directory)}, "liquibase": {"servers": servers}}
    return ReceivedReports(Settings.model_validate(settings))


async def no_table(*_: Any, **__: Any) -> Rows:
    raise AssertionError("no table of reports is configured")


def latest(reports: ReceivedReports) -> ReportedRun | None:
    asyncio.run(reports.refresh(no_table))
    return reports.latest("quests", CHANGELOG)


def summary(run: ReportedRun | None) -> tuple[bool, float | None, bool]:
    """Whether it failed, its end, and whether it is under way."""
    assert run is not None
    return run.failed, run.ended_at, run.under_way


def test_an_end_within_one_tick_of_the_file_system_is_seen(
    files: ReportDirectory, reports: ReceivedReports
) -> None:
    report = make_report()
    files.save(report)
    tick = files.path.stat().st_mtime_ns
    assert summary(latest(reports)) == (False, None, True)

    end = {"ended": report.started + 1, "outcome": Outcome.SUCCEEDED}
    files.save(report.model_copy(update=end))
    os.utime(files.path, ns=(tick, tick))
    assert summary(latest(reports)) == (False, report.started + 1, False)


def test_a_file_is_read_once_for_all_targets(
    files: ReportDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def note_and_read(file: Path) -> Report | None:
        read.append(file)
        return read_report(file)

    monkeypatch.setattr(cached_directory, "read_report", note_and_read)
    for _ in range(2):
        files.save(make_report())
        for _ in range(3):
            assert latest(reports_in(tmp_path))
    assert len(read) == 2


def test_reports_that_are_gone_are_forgotten(files: ReportDirectory, tmp_path: Path) -> None:
    files.save(make_report())
    assert latest(reports_in(tmp_path))
    shutil.rmtree(tmp_path)
    assert latest(reports_in(tmp_path)) is None


def test_a_run_without_a_sign_of_life_is_not_under_way(
    files: ReportDirectory, reports: ReceivedReports
) -> None:
    files.save(make_report(started=1000.0, updated=1000.0))
    assert summary(latest(reports)) == (False, None, False)


def test_a_run_goes_on_although_another_one_gave_up_waiting_for_it(
    files: ReportDirectory, reports: ReceivedReports
) -> None:
    first = make_report()
    now = first.started
    second = make_report(started=now + 1, updated=now + 2, ended=now + 2, outcome=Outcome.FAILED)
    for report in (first, second):
        files.save(report)
    found = latest(reports)
    assert found is not None
    assert found.under_way

    end = {"updated": now + 9, "ended": now + 9, "outcome": Outcome.SUCCEEDED}
    files.save(first.model_copy(update=end))
    assert summary(latest(reports)) == (False, now + 9, False)


@pytest.mark.parametrize(
    ("servers", "is_taken"),
    [
        ((), True),
        (("db1:5432",), True),
        (("other:5432", "DB1:5432"), True),
        (("db2:5432",), False),
    ],
)
def test_a_failure_on_another_server_is_none_here(
    files: ReportDirectory, tmp_path: Path, servers: tuple[str, ...], is_taken: bool
) -> None:
    target = RunTarget(servers=("Db1:5432",), database="quests", changelog=CHANGELOG)
    files.save(make_report(target=target, ended=2000.0, outcome=Outcome.FAILED))
    reports = reports_in(tmp_path, *servers)
    found = latest(reports)
    assert (found is not None and found.failed) == is_taken
    assert bool(reports.other_servers("quests", CHANGELOG)) != is_taken


def test_a_report_that_names_no_server_is_taken(files: ReportDirectory, tmp_path: Path) -> None:
    files.save(make_report(target=RunTarget(database="quests"), ended=2000.0))
    assert latest(reports_in(tmp_path, "db2:5432"))


YEAR = 365 * 86400.0


def ended(at: float, outcome: Outcome) -> Report:
    """The report of a run that ended at a time of its host's clock."""
    return make_report(started=at - 1, updated=at, ended=at, outcome=outcome)


def save(files: ReportDirectory, report: Report, received: float) -> None:
    """Save a report as if it had been received then."""
    files.save(report)
    os.utime(files.path / f"{report.run_id}.json", (received, received))


def test_a_report_from_the_future_does_not_hide_a_later_failure(
    files: ReportDirectory, reports: ReceivedReports
) -> None:
    now = time.time()
    save(files, ended(now + YEAR, Outcome.SUCCEEDED), now - 100)
    found = latest(reports)
    assert found is not None
    assert not found.failed
    assert found.ended_at == pytest.approx(now - 40, abs=1)
    save(files, ended(now - 50, Outcome.FAILED), now - 50)
    assert summary(latest(reports)) == (True, now - 50, False)
    assert [run.failed for run in reports.ended("quests", CHANGELOG)] == [False, True]
    # A restart changes nothing.
    assert summary(latest(reports_in(files.path))) == (True, now - 50, False)


def test_a_file_from_the_future_counts_as_received_now(
    files: ReportDirectory, reports: ReceivedReports
) -> None:
    now = time.time()
    save(files, ended(now + YEAR, Outcome.SUCCEEDED), now + YEAR)
    found = latest(reports)
    assert found is not None
    assert found.ended_at is not None
    assert found.ended_at < now + 120


def test_a_clock_that_is_behind_does_not_hide_a_failure(
    files: ReportDirectory, reports: ReceivedReports
) -> None:
    now = time.time()
    save(files, ended(now - 100, Outcome.SUCCEEDED), now - 100)
    save(files, ended(now - 3600, Outcome.FAILED), now - 50)
    assert summary(latest(reports)) == (True, now - 3600, False)


def test_a_heartbeat_from_the_future_is_no_sign_of_life_for_ever(
    files: ReportDirectory, reports: ReceivedReports
) -> None:
    now = time.time()
    save(files, make_report(started=now + YEAR, updated=now + YEAR), now - 1000)
    assert summary(latest(reports)) == (False, None, False)
