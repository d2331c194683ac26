"""Latency now and before: percentiles of the executions between two readings of a histogram."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pg_migration_exporter.collectors.query_duration import QUERY_DURATION
from pg_migration_exporter.metrics.families import Histogram
from pg_migration_exporter.status.model import Latency
from pg_migration_exporter.status.samples import Samples

#: Readings are kept for half an hour, one each minute.
_SECONDS_BETWEEN_READINGS = 60.0
_MAX_READINGS = 30
#: Seconds that "now" covers at least, and soon after the start.
_NOW_SECONDS = 60.0
_FIRST_NOW_SECONDS = 15.0
#: Seconds that a baseline covers at least.
_MIN_BASELINE_SECONDS = 60.0
#: Executions that a percentile needs to be shown.
_MIN_CALLS = 20
_QUANTILE = 0.95
#: For a database with both, the last one is used.
_SOURCES = ("monitor", "statements")


@dataclass(frozen=True, slots=True)
class _Reading:
    """The histograms by database; `time` is of time.monotonic()."""

    time: float
    histograms: Mapping[str, Histogram]


class LatencyHistory:
    """The histograms of one target over time."""

    def __init__(self) -> None:
        self._readings: deque[_Reading] = deque(maxlen=_MAX_READINGS)
        self._latest: _Reading | None = None

    def record(self, samples: Samples, now: float) -> None:
        """Record the histograms of one scrape; `now` is time.monotonic()."""
        histograms = {
            labels["datname"]: value
            for source in _SOURCES
            for labels, value in samples.rows(QUERY_DURATION)
            if labels["source"] == source and isinstance(value, Histogram)
        }
        if not histograms:
            return
        self._latest = _Reading(now, histograms)
        if not self._readings or now - self._readings[-1].time >= _SECONDS_BETWEEN_READINGS:
            self._readings.append(self._latest)

    def report(self, run_seconds: float | None, min_calls: int = _MIN_CALLS) -> list[Latency]:
        """Return the latency of each database in the latest reading.

        `run_seconds` is the age of the run in progress, None without one. A database without a
        latency now, or with fewer calls, is left out.
        """
        if self._latest is None:
            return []
        now = self._latest.time
        before = self._last_before(now - _NOW_SECONDS) or self._first(now - _FIRST_NOW_SECONDS)
        before_run = self._last_before(now - max(run_seconds or 0.0, _NOW_SECONDS))
        latencies = [
            Latency(
                datname=datname,
                now_seconds=_percentile_between(before, self._latest, datname, min_calls),
                baseline_seconds=self._baseline(before_run, datname),
            )
            for datname in self._latest.histograms
        ]
        return [latency for latency in latencies if latency.now_seconds is not None]

    def _last_before(self, moment: float) -> _Reading | None:
        """Return the last reading up to a moment."""
        readings = reversed(self._readings)
        return next((reading for reading in readings if reading.time <= moment), None)

    def _first(self, moment: float) -> _Reading | None:
        """Return the first reading if it is not later than a moment."""
        return self._readings[0] if self._readings[0].time <= moment else None

    def _baseline(self, end: _Reading | None, datname: str) -> float | None:
        if end is None or end.time - self._readings[0].time < _MIN_BASELINE_SECONDS:
            return None
        return _percentile_between(self._readings[0], end, datname)


def _percentile_between(
    before: _Reading | None, after: _Reading, datname: str, min_calls: int = _MIN_CALLS
) -> float | None:
    """Return the percentile of the executions between two readings; None if there were few.

    Histograms with different bounds come from different sources: None too.
    """
    if before is None or datname not in before.histograms or datname not in after.histograms:
        return None
    earlier = dict(before.histograms[datname].buckets)
    later = dict(after.histograms[datname].buckets)
    if earlier.keys() != later.keys():
        return None
    counts = [(bound, later[bound] - earlier[bound]) for bound in later]
    return percentile(counts, _QUANTILE, min_calls)


def percentile(
    buckets: Sequence[tuple[float, float]], quantile: float, min_calls: int = _MIN_CALLS
) -> float | None:
    """Return the quantile of cumulative counts by upper bound, in seconds; None for few counts.

    Linear within a bucket, as Prometheus's histogram_quantile; in the last bucket, its lower bound.
    """
    total = buckets[-1][1]
    if total < min_calls:
        return None
    rank, lower, below = quantile * total, 0.0, 0.0
    for bound, count in buckets[:-1]:
        if count >= rank:
            return lower + (bound - lower) * (rank - below) / max(count - below, 1e-9)
        lower, below = bound, count
    return lower
