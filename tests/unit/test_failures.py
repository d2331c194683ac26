"""What is logged of failures that last, change and come back."""

from __future__ import annotations

import logging

import pytest

from pg_migration_exporter.engine.failures import FailureLog
from tests.fixtures.clock import SetClock


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def failures(clock: SetClock, caplog: pytest.LogCaptureFixture) -> FailureLog:
    caplog.set_level(logging.INFO)
    return FailureLog(clock=clock)


def test_a_failure_is_logged_when_it_begins_and_when_it_ends(
    failures: FailureLog, caplog: pytest.LogCaptureFixture
) -> None:
    for reason in ("away", "away", "down"):
        failures.record("scrape", reason)
    assert failures.current("scrape") == "down"
    failures.clear("scrape")
    failures.clear("scrape")
    assert caplog.messages == [
        "scrape failed: away", "scrape failed: down", "scrape works again",
    ]  # fmt: skip
    assert failures.current("scrape") is None


def test_reasons_that_alternate_do_not_fill_the_log(
    failures: FailureLog, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    for second in range(600):
        failures.record("scrape", f"reason {second % 2}")
        clock.now += 1
    assert len(caplog.messages) <= 50


def test_a_failure_that_comes_and_goes_does_not_fill_the_log(
    failures: FailureLog, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(600):
        failures.record("scrape", "away")
        failures.clear("scrape")
        clock.now += 1
    assert len(caplog.messages) <= 50


def test_the_truth_is_logged_in_the_end(
    failures: FailureLog, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(20):
        failures.record("scrape", f"reason {number}")
    assert caplog.messages[-1] != "scrape failed: reason 19"
    clock.now += 60
    failures.record("scrape", "reason 19")
    assert caplog.messages[-1] == "scrape failed: reason 19"
    failures.clear("scrape")
    assert caplog.messages[-1] == "scrape works again"


def test_one_subject_does_not_silence_another(
    failures: FailureLog, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(20):
        failures.record("scrape", f"reason {number}")
    failures.record("watcher", "away")
    assert caplog.messages[-1] == "watcher failed: away"


def test_many_subjects_do_not_fill_the_log(
    failures: FailureLog, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(1000):
        failures.record(f"changelog s{number}.databasechangelog", "unfit")
    assert len(caplog.messages) == 50
