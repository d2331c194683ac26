"""The latency before a run: what is frozen, and for how long."""

from __future__ import annotations

import pytest

from pg_migration_exporter.latency.histogram import BOUNDS, GrowingHistogram, bucket_index
from pg_migration_exporter.latency.run_baseline import RunBaseline

HOUR = 3600.0


class Server:
    """One database whose statements take `seconds` each, ten a second."""

    def __init__(self, baseline: RunBaseline | None = None) -> None:
        self.now = 1e9
        self.histogram = GrowingHistogram()
        self.baseline = baseline or RunBaseline(HOUR, 24 * HOUR)
        self.baseline.clock = lambda: self.now

    def run(self, minutes: int, seconds: float, *, is_running: bool = False) -> None:
        for _ in range(minutes * 12):
            counts = [0.0] * (len(BOUNDS) + 1)
            counts[bucket_index(seconds)] = 50
            self.histogram.add(50, 50 * seconds, counts)
            self.now += 5
            self.baseline.record({"game": self.histogram}, is_running=is_running)

    def p95(self) -> float | None:
        found = {quantile: value for _, quantile, value in self.baseline.published()}
        return found.get(0.95)


def test_nothing_is_frozen_before_a_run() -> None:
    server = Server()
    server.run(120, 0.01)
    assert server.p95() is None


def test_a_run_freezes_the_hour_before_it() -> None:
    server = Server()
    server.run(120, 0.1)
    server.run(65, 0.01)
    server.run(90, 1.0, is_running=True)
    assert server.p95() == pytest.approx(0.01, rel=0.1)
    server.run(23 * 60, 1.0)
    assert server.p95() == pytest.approx(0.01, rel=0.1)
    server.run(62, 1.0)
    assert server.p95() is None


def test_each_run_has_its_own_and_the_time_of_another_run_is_left_out() -> None:
    server = Server()
    server.run(70, 0.01)
    server.run(10, 5.0, is_running=True)
    server.run(30, 0.02)
    server.run(1, 0.02, is_running=True)
    assert 0.01 < (server.p95() or 0) <= 0.021


def test_without_statements_enough_there_is_none() -> None:
    baseline = RunBaseline(HOUR, 24 * HOUR)
    empty = {"game": GrowingHistogram()}
    for is_running in (False, True):
        baseline.record(empty, is_running=is_running)
    assert list(baseline.published()) == []


def test_counts_that_begin_anew_are_no_latency() -> None:
    server = Server()
    server.run(70, 0.01)
    server.histogram = GrowingHistogram()
    server.run(20, 0.01)
    server.run(1, 0.01, is_running=True)
    assert server.p95() == pytest.approx(0.01, rel=0.1)


def test_a_restart_during_the_run_keeps_what_was_before_it() -> None:
    before = Server()
    before.run(70, 0.01)
    before.run(5, 1.0, is_running=True)
    restored = RunBaseline(HOUR, 24 * HOUR)
    restored.restore(before.baseline.dump())
    server = Server(restored)
    server.run(5, 1.0, is_running=True)
    server.run(60, 1.0)
    assert server.p95() == pytest.approx(0.01, rel=0.1)
