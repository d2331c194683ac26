"""What an interval adds to the histogram: exact where it can be, in order always."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from itertools import accumulate
from operator import mul

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_migration_exporter.latency.bucket_estimate import estimate_buckets
from pg_migration_exporter.latency.exponential_tilting import tilt
from pg_migration_exporter.latency.histogram import BOUNDS, GrowingHistogram, bucket_index
from pg_migration_exporter.latency.interval import Interval, Moments, Totals
from pg_migration_exporter.latency.learned_distribution import LearnedDistribution

times = st.floats(1e-5, 100)


def totals(durations: Sequence[float]) -> Totals:
    """The statistics that pg_stat_statements would have of these executions."""
    if not durations:
        return Totals()
    calls = len(durations)
    return Totals(calls, sum(durations), statistics.pvariance(durations) * calls)


def interval(durations: Sequence[float], before: Sequence[float] = ()) -> Interval:
    everything = [*before, *durations]
    moments = totals(everything).since(totals(before))
    found = Interval.of(moments, Moments(), min(everything), max(everything))
    assert found is not None
    return found


def counts(durations: Sequence[float]) -> list[int]:
    """The number of durations in each bucket."""
    found = [0] * (len(BOUNDS) + 1)
    for seconds in durations:
        found[bucket_index(seconds)] += 1
    return found


def learned(durations: Sequence[float]) -> LearnedDistribution:
    """A distribution that was learned from single durations."""
    known = LearnedDistribution()
    for seconds in durations:
        known.learn(1, counts([seconds]))
    return known


@given(st.lists(times, max_size=20), st.lists(times, min_size=1, max_size=20))
def test_an_interval_has_exact_count_mean_and_variance(
    before: list[float], after: list[float]
) -> None:
    moments = totals(before + after).since(totals(before))
    assert moments.calls == len(after)
    assert moments.seconds == pytest.approx(sum(after))
    assert moments.variance == pytest.approx(statistics.pvariance(after), rel=1e-4, abs=1e-4)


def test_counters_that_went_back_are_a_reset() -> None:
    moments = totals([0.2]).since(totals([0.1, 0.1, 0.1]))
    assert moments.calls == 1
    assert moments.seconds == pytest.approx(0.2)
    slower = totals([0.1, 0.1]).since(totals([0.4]))
    assert slower.calls == 2
    assert slower.seconds == pytest.approx(0.2)


@pytest.mark.parametrize("before", [[], [0.003, 0.2, 0.2]])
@pytest.mark.parametrize("durations", [[0.07], [0.0045, 0.33], [0.022, 0.022, 0.022]])
def test_few_or_equal_calls_are_exact(durations: list[float], before: list[float]) -> None:
    assert estimate_buckets(interval(durations, before)) == counts(durations)


@given(times)
def test_a_call_counts_below_the_bounds_that_it_does_not_exceed(seconds: float) -> None:
    below = list(accumulate(estimate_buckets(interval([seconds]))))
    assert below[:-1] == [float(seconds <= bound) for bound in BOUNDS]


def test_planning_is_added_to_each_call() -> None:
    execution, planning = totals([0.05, 0.05]).since(Totals()), totals([0.02]).since(Totals())
    found = Interval.of(execution, planning, 0.05, 0.07)
    assert found is not None
    assert found.seconds == pytest.approx(0.12)
    assert found.single_times() == pytest.approx((0.05, 0.07))


def test_without_a_call_there_is_no_interval() -> None:
    assert Interval.of(Moments(), Moments(), 0.1, 0.1) is None


@given(st.lists(times, min_size=1, max_size=30), st.lists(times, max_size=30), st.data())
def test_all_calls_are_spread_between_the_fastest_and_the_slowest(
    durations: list[float], before: list[float], data: st.DataObject
) -> None:
    known = learned(15 * data.draw(st.lists(st.sampled_from([*durations, *before]), max_size=10)))
    found = interval(durations, before)
    shares = estimate_buckets(found, known)
    assert sum(shares) == pytest.approx(len(durations))
    assert min(shares) >= 0
    if found.single_times() is None:
        first, last = bucket_index(found.fastest), bucket_index(found.slowest)
        assert sum(shares[first : last + 1]) == pytest.approx(len(durations))


@given(st.lists(st.lists(times, min_size=1, max_size=10), min_size=2, max_size=5))
def test_buckets_are_in_order_and_only_grow(intervals: list[list[float]]) -> None:
    histogram, known = GrowingHistogram(), LearnedDistribution()
    before = histogram.snapshot()
    for durations in intervals:
        found = interval(durations)
        histogram.add(found.calls, found.seconds, estimate_buckets(found, known))
        after = histogram.snapshot()
        below = [count for _, count in after.buckets]
        assert below == sorted(below)
        assert after.buckets[-1] == (math.inf, after.count)
        for (_, earlier), (_, later) in zip(before.buckets, after.buckets, strict=True):
            assert later >= earlier
        known.learn(found.calls, estimate_buckets(found, known))
        before = after
    assert before.count == sum(map(len, intervals))
    assert before.sum == pytest.approx(sum(map(sum, intervals)))


def bimodal(chance: random.Random) -> float:
    return chance.gauss(0.035, 0.005) if chance.random() < 0.2 else chance.gauss(0.001, 0.0001)


def log_normal(chance: random.Random) -> float:
    return chance.lognormvariate(math.log(0.02), 0.8)


def pareto(chance: random.Random) -> float:
    return min(0.002 * chance.paretovariate(1.6), 0.5)


@pytest.mark.parametrize("draw", [log_normal, bimodal, pareto])
def test_the_95th_percentile_of_a_known_distribution_is_met(
    draw: Callable[[random.Random], float],
) -> None:
    chance = random.Random(7)
    known = LearnedDistribution(
        [count / 20 for count in counts([draw(chance) for _ in range(20_000)])]
    )
    truth: list[float] = []
    histogram = GrowingHistogram()
    for _ in range(100):
        durations = [draw(chance) for _ in range(200)]
        found = interval(durations)
        histogram.add(found.calls, found.seconds, estimate_buckets(found, known))
        truth += durations
    assert quantile(histogram, 0.95) == pytest.approx(
        statistics.quantiles(truth, n=20)[-1], rel=0.1
    )


def quantile(histogram: GrowingHistogram, share: float) -> float:
    """Linear inside of a bucket, as histogram_quantile is."""
    rank, lower, below = share * histogram.calls, 0.0, 0.0
    for upper, until in histogram.snapshot().buckets:
        if until >= rank:
            return lower + (upper - lower) * (rank - below) / (until - below)
        lower, below = upper, until
    raise AssertionError


def test_a_log_normal_load_without_a_distribution_is_met_closely() -> None:
    chance = random.Random(7)
    durations = [log_normal(chance) for _ in range(5000)]
    estimated = accumulate(estimate_buckets(interval(durations)))
    for estimate, truth in zip(estimated, accumulate(counts(durations)), strict=True):
        assert estimate / 5000 == pytest.approx(truth / 5000, abs=0.02)


def test_a_distribution_follows_the_latest_calls() -> None:
    known = learned([0.001] * 3000 + [0.1] * 3000)
    assert known.counts[bucket_index(0.1)] > 10 * known.counts[bucket_index(0.001)]


@pytest.mark.parametrize(("waiting", "held"), [(1, 8.0), (12, 3.0)])
def test_calls_that_waited_for_a_lock_leave_the_others_where_they_are(
    waiting: int, held: float
) -> None:
    """Even where an earlier call waited for a minute, and any could have."""
    chance = random.Random(7)
    known = learned([log_normal(chance) for _ in range(1000)])
    usual = [log_normal(chance) for _ in range(500)]
    counted = list(
        accumulate(estimate_buckets(interval([*usual, *[held] * waiting], [60.0]), known))
    )
    ordinary = list(accumulate(estimate_buckets(interval(usual), known)))
    at_most = bucket_index(0.1)
    assert counted[at_most] == pytest.approx(ordinary[at_most], rel=0.05)
    above = 500 + waiting - counted[bucket_index(held / 3)]
    assert waiting / 2 <= above <= 2 * waiting


def test_a_slower_server_stretches_the_distribution() -> None:
    chance = random.Random(7)
    known = learned([log_normal(chance) for _ in range(1000)])
    slower = [3 * log_normal(chance) for _ in range(1000)]
    histogram = GrowingHistogram()
    found = interval(slower)
    histogram.add(found.calls, found.seconds, estimate_buckets(found, known))
    truth = statistics.quantiles(slower, n=20)
    for share, place in ((0.5, 9), (0.95, 18)):
        assert quantile(histogram, share) == pytest.approx(truth[place], rel=0.1)


@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=18))
def test_the_slowest_of_few_calls_is_about_known(durations: list[float]) -> None:
    """One of a call that takes much longer than the others together, in any distribution."""
    known = learned([*durations, 100.0])
    slowest = sum(durations) * 3
    shares = estimate_buckets(interval([*durations, slowest], [100.0]), known)
    assert sum(shares[: bucket_index(slowest / 1.6)]) == pytest.approx(len(durations), abs=0.5)


@given(st.lists(st.tuples(st.floats(0.001, 1), st.floats(0.1, 1)), min_size=2, max_size=20))
def test_tilted_weights_have_the_wanted_mean(pairs: list[tuple[float, float]]) -> None:
    """Wanted is that of equal weights: so there is a solution."""
    values = [value for value, _ in pairs]
    mean = statistics.fmean(values)
    found = tilt(values, [weight for _, weight in pairs], mean)
    if found is None:
        assert max(values) - min(values) < 0.01 * mean
        return
    assert sum(found) == pytest.approx(1)
    assert sum(map(mul, found, values)) == pytest.approx(mean, rel=5e-3)


@pytest.mark.parametrize("mean", [0.5, 1.0, 3.0, 5.0])
def test_a_mean_out_of_reach_has_no_weights(mean: float) -> None:
    assert tilt([1.0, 2.0, 3.0], [1.0, 1.0, 1.0], mean) is None
