"""What an interval adds to the histogram: exact where it can be, in order always."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_migration_exporter.latency.histogram import BOUNDS, GrowingHistogram, Interval, Totals

times = st.floats(1e-5, 100)


def totals(durations: list[float]) -> Totals:
    """What pg_stat_statements would say of these executions."""
    if not durations:
        return Totals(0, 0.0, 0.0, 0.0, 0.0)
    variance = statistics.pvariance(durations)
    calls = len(durations)
    return Totals(calls, sum(durations), variance * calls, min(durations), max(durations))


@given(st.lists(times, max_size=20), st.lists(times, min_size=1, max_size=20))
def test_an_interval_has_exact_count_mean_and_variance(
    before: list[float], after: list[float]
) -> None:
    interval = totals(before + after).since(totals(before))
    assert interval.calls == len(after)
    assert interval.seconds == pytest.approx(sum(after))
    assert interval.variance == pytest.approx(statistics.pvariance(after), rel=1e-4, abs=1e-4)


def test_counters_that_went_back_are_a_reset() -> None:
    interval = totals([0.2]).since(totals([0.1, 0.1, 0.1]))
    assert (interval.calls, interval.seconds) == (1, pytest.approx(0.2))


@pytest.mark.parametrize("durations", [[0.07], [0.004, 0.3], [0.02, 0.02, 0.02]])
def test_few_or_equal_calls_are_exact(durations: list[float]) -> None:
    counts = totals(durations).since(totals([])).counts_below(BOUNDS)
    assert counts == [sum(one <= bound for one in durations) for bound in BOUNDS]


@given(st.lists(times, min_size=1, max_size=30), st.lists(times, min_size=1, max_size=30))
def test_buckets_are_in_order_and_only_grow(first: list[float], second: list[float]) -> None:
    histogram = GrowingHistogram()
    histogram.add(totals(first).since(totals([])))
    before = histogram.snapshot()
    histogram.add(totals(first + second).since(totals(first)))
    after = histogram.snapshot()

    for page in (before, after):
        counts = [count for _, count in page.buckets]
        assert counts == sorted(counts)
        assert page.buckets[-1] == (math.inf, page.count)
    assert after.count == len(first) + len(second)
    assert after.sum == pytest.approx(sum(first) + sum(second))
    for (_, earlier), (_, later) in zip(before.buckets, after.buckets, strict=True):
        assert later >= earlier


def test_a_log_normal_load_is_met_closely() -> None:
    chance = random.Random(7)
    durations = [chance.lognormvariate(math.log(0.02), 0.8) for _ in range(5000)]
    counts = totals(durations).since(totals([])).counts_below(BOUNDS)
    for bound, count in zip(BOUNDS, counts, strict=True):
        truth = sum(one <= bound for one in durations)
        assert count / 5000 == pytest.approx(truth / 5000, abs=0.02)


def test_no_calls_add_nothing() -> None:
    histogram = GrowingHistogram()
    histogram.add(Interval(0, 0.0, 0.0, 0.0, 0.0))
    assert histogram.snapshot().count == 0
