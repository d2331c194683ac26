"""A reported run is under way as long as its reports change, whatever the wrapper's clock is."""

from __future__ import annotations

from typing import Any

import pytest

from pg_migration_exporter.liquibase.reports.heartbeats import Heartbeats
from pg_migration_exporter.liquibase.reports.report import Report
from tests.fixtures.reports import make_report

NOW = 100_000.0


@pytest.fixture
def heartbeats() -> Any:
    clock = [0.0]
    started = Heartbeats(lambda: clock[0])
    return started, clock


@pytest.mark.parametrize("skew", [-120.0, 0.0, 600.0, 1e8])
def test_a_run_that_was_seen_to_start(heartbeats: Any, skew: float) -> None:
    found, clock = heartbeats
    found.record([], NOW)
    report = make_report(started=NOW + skew, updated=NOW + skew)
    found.record([report], NOW)
    assert found.is_under_way(report)
    clock[0] = 61.0
    found.record([report], NOW + 61)
    assert not found.is_under_way(report)
    again = report.model_copy(update={"updated": report.updated + 61})
    found.record([again], NOW + 61)
    assert found.is_under_way(again)


@pytest.mark.parametrize(("age", "is_under_way"), [(20.0, True), (70.0, False), (-600.0, True)])
def test_a_run_that_was_there_at_the_start(heartbeats: Any, age: float, is_under_way: bool) -> None:
    found, clock = heartbeats
    report = make_report(started=NOW - age, updated=NOW - age)
    found.record([report], NOW)
    assert found.is_under_way(report) == is_under_way
    clock[0] = 61.0
    assert not found.is_under_way(report)


def test_a_report_that_arrives_an_hour_late_is_not_under_way(heartbeats: Any) -> None:
    found, _ = heartbeats
    found.record([], NOW)
    report = make_report(started=NOW - 3600, updated=NOW - 3600)
    found.record([report], NOW)
    assert not found.is_under_way(report)


def test_which_runs_had_ended_before_the_first_read(heartbeats: Any) -> None:
    found, _ = heartbeats
    reports: list[Report] = [make_report(ended=NOW), make_report()]
    found.record(reports, NOW)
    later = reports[1].model_copy(update={"ended": NOW})
    found.record([reports[0], later], NOW)
    assert found.was_ended_at_first(reports[0])
    assert not found.was_ended_at_first(later)
