"""Reports in a directory, among files that are none."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pg_migration_exporter.liquibase.reports.cached_directory import CachedReportDirectory
from pg_migration_exporter.liquibase.reports.directory import ReportDirectory
from pg_migration_exporter.liquibase.reports.report import (
    MAX_BYTES,
    ChangesetReport,
    Outcome,
    Result,
)
from pg_migration_exporter.liquibase.reports.reported_run import reported_run
from tests.fixtures.reports import make_report


@pytest.fixture
def files(tmp_path: Path) -> ReportDirectory:
    return ReportDirectory(tmp_path / "made" / "when needed")


def test_the_latest_run_comes_first_and_each_run_once(files: ReportDirectory) -> None:
    old, new = make_report(started=1.0), make_report(started=2.0)
    for report in (new, old):
        files.save(report)
    ended = old.model_copy(update={"outcome": Outcome.SUCCEEDED})
    files.save(ended)
    assert files.read() == [new, ended]
    found = files.find(old)
    assert found is not None
    assert found.outcome is Outcome.SUCCEEDED


def test_what_is_no_report_is_left_out(files: ReportDirectory, tmp_path: Path) -> None:
    report = make_report()
    files.save(report)
    directory = files.path
    (directory / "broken.json").write_text("{")
    (directory / "huge.json").write_text(" " * (MAX_BYTES + 1))
    (directory / "folder.json").mkdir()
    (directory / "other.txt").write_text(report.model_dump_json())
    (tmp_path / "elsewhere").write_text(make_report().model_dump_json())
    (directory / "link.json").symlink_to(tmp_path / "elsewhere")
    (directory / "dangling.json").symlink_to(tmp_path / "nowhere")
    os.mkfifo(directory / "pipe.json")
    assert files.read() == [report]


def test_only_the_latest_are_kept(files: ReportDirectory) -> None:
    reports = [make_report(started=float(number)) for number in range(1003)]
    files.path.mkdir(parents=True)
    for number, report in enumerate(reports[:-1]):
        file = files.path / f"{report.run_id}.json"
        file.write_text(report.model_dump_json())
        os.utime(file, (number, number))
    files.save(reports[-1])
    assert files.read() == reports[:2:-1]
    assert len(list(files.path.iterdir())) == 1000


def test_a_reader_never_sees_half_a_report(files: ReportDirectory) -> None:
    report = make_report(limitation="x" * 1000)
    files.save(report)

    def save_often() -> None:
        for _ in range(100):
            files.save(report)

    with ThreadPoolExecutor(1) as writer:
        saving = writer.submit(save_often)
        while not saving.done():
            assert files.read() == [report]
        saving.result()


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        ReportDirectory(tmp_path / "file").save(make_report())
    with pytest.raises(FileNotFoundError):
        ReportDirectory(tmp_path / "missing").read()


def test_folders_with_the_names_of_reports_are_no_reports(files: ReportDirectory) -> None:
    files.path.mkdir(parents=True)
    for number in range(1001):
        (files.path / f"{number}.json").mkdir()
    report = make_report()
    files.save(report)
    assert files.read() == [report]


def test_a_report_in_memory_has_no_changesets(tmp_path: Path) -> None:
    changesets = tuple(
        ChangesetReport(identity=f"classpath:db.xml::{number}::me", result=Result.RAN)
        for number in range(1000)
    )
    report = make_report(changesets=changesets, outcome=Outcome.SUCCEEDED, ended=2.0)
    ReportDirectory(tmp_path).save(report)
    [kept] = CachedReportDirectory(ReportDirectory(tmp_path)).reports()
    assert kept.changesets == ()
    assert not kept.is_idle
    run = reported_run(kept)
    assert run == reported_run(report)
    assert run.recorded.include_any(["db.xml::7::me", "db.xml::none::me"])
    assert not run.recorded.include_any(["db.xml::none::me"])
