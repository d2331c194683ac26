"""Latency now against what was usual: percentiles of what a histogram grew by between two looks."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from pg_migration_exporter.collectors.query_duration import QUERY_DURATION
from pg_migration_exporter.metrics.families import Histogram
from pg_migration_exporter.status.model import Latency
from pg_migration_exporter.status.samples import Samples

#: Seconds between two looks that are kept, and how many: half an hour, in little memory.
_EVERY, _KEPT = 60.0, 30
#: Seconds: what "now" covers at least, the same soon after the start, and what a baseline rests on.
_NOW, _FIRST_NOW, _LEAST_BASELINE = 60.0, 15.0, 60.0
#: Executions that a percentile needs.
_LEAST_CALLS = 20
_QUANTILE = 0.95
#: The last one that has a database is taken.
_SOURCES = ("monitor", "statements")

_Look = tuple[float, Mapping[str, Histogram]]


class LatencyCourse:
    """The histograms of one target over time, by database."""

    def __init__(self) -> None:
        self._kept: deque[_Look] = deque(maxlen=_KEPT)
        self._latest: _Look | None = None

    def see(self, samples: Samples, now: float) -> None:
        """Note the histograms of one scrape; `now` is time.monotonic()."""
        histograms = {
            labels["datname"]: value
            for source in _SOURCES
            for labels, value in samples.rows(QUERY_DURATION)
            if labels["source"] == source and isinstance(value, Histogram)
        }
        if not histograms:
            return
        self._latest = (now, histograms)
        if not self._kept or now - self._kept[-1][0] >= _EVERY:
            self._kept.append(self._latest)

    def report(self, run_seconds: float | None) -> list[Latency]:
        """Latency of each database that had a look; `run_seconds` since the run in progress began.

        A database without either number is left out.
        """
        if self._latest is None:
            return []
        now = self._latest[0]
        before = self._before(now - _NOW) or self._first(now - _FIRST_NOW)
        usual = self._before(now - max(run_seconds or 0.0, _NOW))
        reports = [
            Latency(
                datname=datname,
                now_seconds=_growth(before, self._latest, datname),
                baseline_seconds=self._baseline(usual, datname),
            )
            for datname in self._latest[1]
        ]
        return [one for one in reports if one.now_seconds is not None]

    def _before(self, moment: float) -> _Look | None:
        """The last look that was kept before a moment."""
        return next((look for look in reversed(self._kept) if look[0] <= moment), None)

    def _first(self, moment: float) -> _Look | None:
        """The first look that is kept, if it was before a moment."""
        return self._kept[0] if self._kept[0][0] <= moment else None

    def _baseline(self, usual: _Look | None, datname: str) -> float | None:
        if usual is None or usual[0] - self._kept[0][0] < _LEAST_BASELINE:
            return None
        return _growth(self._kept[0], usual, datname)


def _growth(before: _Look | None, after: _Look, datname: str) -> float | None:
    """The percentile of what was executed between two looks; None where that was little.

    Nor is there one between histograms of different bounds: another source took the place.
    """
    if before is None or datname not in before[1] or datname not in after[1]:
        return None
    earlier, later = dict(before[1][datname].buckets), dict(after[1][datname].buckets)
    if earlier.keys() != later.keys():
        return None
    return percentile([(bound, later[bound] - earlier[bound]) for bound in later], _QUANTILE)


def percentile(buckets: Sequence[tuple[float, float]], quantile: float) -> float | None:
    """Seconds below which a share of the executions lies, from cumulative counts by upper bound.

    Linear within a bucket, as Prometheus's histogram_quantile; the last one's lower bound is its
    answer.
    """
    total = buckets[-1][1]
    if total < _LEAST_CALLS:
        return None
    wanted, lower, below = quantile * total, 0.0, 0.0
    for bound, count in buckets[:-1]:
        if count >= wanted:
            return lower + (bound - lower) * (wanted - below) / max(count - below, 1e-9)
        lower, below = bound, count
    return lower
