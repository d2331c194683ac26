"""Latency now and before, from histograms read at chosen times."""

from __future__ import annotations

import pytest

from pg_migration_exporter.collectors.query_duration import QUERY_DURATION
from pg_migration_exporter.metrics.families import FamilySamples, Histogram
from pg_migration_exporter.status.latency import LatencyHistory, percentile
from pg_migration_exporter.status.samples import Samples

_INF = float("inf")


def reading(fast: float, slow: float) -> Samples:
    """Return the executions so far: `fast` ones within 10 ms, `slow` ones within 1 s."""
    samples = FamilySamples(QUERY_DURATION)
    samples.add(histogram(fast, slow), "game", "statements")
    return Samples([samples])


def histogram(fast: float, slow: float) -> Histogram:
    buckets = ((0.01, fast), (1.0, fast + slow), (_INF, fast + slow))
    return Histogram(buckets, 0.0, fast + slow)


def test_statements_go_before_the_monitor_and_are_not_compared_with_it() -> None:
    monitored, both = FamilySamples(QUERY_DURATION), FamilySamples(QUERY_DURATION)
    both.add(histogram(1000, 0), "game", "statements")
    for samples in (monitored, both):
        samples.add(Histogram(((5.0, 9000), (_INF, 9000)), 0.0, 9000), "game", "monitor")
    history = LatencyHistory()
    history.record(Samples([monitored]), 0)
    history.record(Samples([both]), 60)
    assert history.report(None) == []
    history.record(reading(2000, 0), 120)
    [report] = history.report(None)
    assert report.now_seconds == pytest.approx(0.0095)


def test_percentiles_are_linear_within_a_bucket() -> None:
    assert percentile([(0.1, 50), (0.2, 100), (_INF, 100)], 0.95) == pytest.approx(0.19)
    assert percentile([(0.1, 50), (0.2, 60), (_INF, 100)], 0.95) == 0.2
    assert percentile([(0.1, 5), (_INF, 5)], 0.95) is None


def test_a_migration_that_makes_statements_slow() -> None:
    """Fast for ten minutes; then a run begins, and for two minutes half of them are slow."""
    history = LatencyHistory()
    for second in range(0, 601, 20):
        history.record(reading(second * 10, 0), second)
    for second in range(20, 121, 20):
        history.record(reading(6000 + second * 5, second * 5), 600 + second)
    [report] = history.report(run_seconds=120)
    assert report.datname == "game"
    assert report.now_seconds == pytest.approx(0.901)
    assert report.baseline_seconds == pytest.approx(0.0095)


def test_an_unknown_latency_is_left_out() -> None:
    history = LatencyHistory()
    assert history.report(None) == []
    history.record(reading(100, 0), 0)
    assert history.report(None) == []
    history.record(reading(1000, 0), 60)
    [report] = history.report(None)
    assert report.now_seconds is not None
    assert report.baseline_seconds is None
    history.record(reading(1000, 0), 120)
    assert history.report(None) == []


def test_soon_after_the_start_there_is_a_latency_but_no_baseline() -> None:
    history = LatencyHistory()
    history.record(reading(100, 0), 0)
    history.record(reading(200, 0), 10)
    assert history.report(None) == []
    history.record(reading(300, 0), 20)
    [report] = history.report(None)
    assert report.now_seconds == pytest.approx(0.0095)
    assert report.baseline_seconds is None


def test_a_run_older_than_what_is_remembered_has_no_baseline() -> None:
    history = LatencyHistory()
    for second in range(0, 201, 20):
        history.record(reading(second * 10, 0), second)
    [report] = history.report(run_seconds=3600)
    assert report.baseline_seconds is None
