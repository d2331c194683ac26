"""The latency before a migration, frozen when its run begins.

What the statements of each database took is added up minute by minute, while no run is in progress.
A run that begins freezes the percentiles of the last hour. They are kept until `hold` seconds after
its end, so that what it did to the latency can be judged by what was there before it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from pg_migration_exporter.latency.histogram import GrowingHistogram

#: The percentiles that are frozen.
QUANTILES = (0.5, 0.95)
#: Statements that a percentile needs, and the databases that are remembered.
_MIN_CALLS = 100
_MAX_DATABASES = 100
_MINUTE = 60.0

#: Upper bounds of the buckets in seconds, and the calls in each; the last one is unbounded.
_Counts = tuple[Sequence[float], Sequence[float]]


@dataclass(slots=True)
class RunBaseline:
    """The percentiles of one server's databases; durable. Times are seconds since the epoch.

    `window`: seconds before a run that count; `hold`: seconds that they are kept after its end.
    `frozen`: database -> seconds by percentile. `ended_at` is None while the run is in progress.
    """

    window: float
    hold: float
    clock: Callable[[], float] = time.time
    frozen: dict[str, dict[float, float]] = field(default_factory=dict)
    is_running: bool = False
    ended_at: float | None = None
    _minutes: deque[tuple[float, dict[str, _Counts]]] = field(default_factory=deque)
    _read_at: float = -float("inf")
    #: None before the first reading, and while a run is in progress.
    _totals: dict[str, _Counts] | None = None

    def record(self, histograms: Mapping[str, GrowingHistogram], *, is_running: bool) -> None:
        """Note what the statements took up to now, and whether a run is in progress."""
        now = self.clock()
        if is_running and not self.is_running:
            self._add_minute(histograms, now)
            self._freeze()
        if self.is_running and not is_running:
            self.ended_at = now
        if is_running:
            self._totals = None
            self.ended_at = None
        elif now - self._read_at >= _MINUTE:
            self._add_minute(histograms, now)
        self.is_running = is_running

    def published(self) -> Iterator[tuple[str, float, float]]:
        """Yield database, percentile and seconds, while they are kept."""
        if self.ended_at is not None and self.clock() - self.ended_at > self.hold:
            return
        for datname, percentiles in self.frozen.items():
            yield from ((datname, quantile, value) for quantile, value in percentiles.items())

    def _add_minute(self, histograms: Mapping[str, GrowingHistogram], now: float) -> None:
        totals: dict[str, _Counts] = {
            datname: (histogram.bounds, histogram.counts)
            for datname, histogram in list(histograms.items())[:_MAX_DATABASES]
        }
        added = {
            datname: delta
            for datname, total in totals.items()
            if self._totals is not None
            and (delta := _difference(total, self._totals.get(datname))) is not None
        }
        self._totals, self._read_at = totals, now
        self._minutes.append((now, added))
        while self._minutes[0][0] < now - self.window:
            self._minutes.popleft()

    def _freeze(self) -> None:
        """Freeze the percentiles of the window; without statements enough, there are none."""
        sums: dict[str, _Counts] = {}
        for _, added in self._minutes:
            for datname, counts in added.items():
                sums[datname] = _sum(counts, sums.get(datname))
        self.frozen = {
            datname: {quantile: percentile(counts, quantile) for quantile in QUANTILES}
            for datname, counts in sums.items()
            if sum(counts[1]) >= _MIN_CALLS
        }

    def dump(self) -> dict[str, Any]:
        """Return what must outlive the process: the frozen percentiles, and of which run."""
        frozen = {
            datname: [[quantile, value] for quantile, value in percentiles.items()]
            for datname, percentiles in self.frozen.items()
        }
        return {"frozen": frozen, "is_running": self.is_running, "ended_at": self.ended_at}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it is not."""
        self.frozen = {
            str(datname): {float(quantile): float(value) for quantile, value in percentiles}
            for datname, percentiles in dict(state["frozen"]).items()
        }
        self.is_running = bool(state["is_running"])
        self.ended_at = None if state["ended_at"] is None else float(state["ended_at"])


def _difference(now: _Counts, before: _Counts | None) -> _Counts | None:
    """Return what was added, all of it to a new histogram; None if the counts began anew."""
    if before is None:
        return now
    if tuple(before[0]) != tuple(now[0]):
        return None
    added = [new - old for new, old in zip(now[1], before[1], strict=True)]
    return None if min(added) < 0 else (now[0], added)


def _sum(counts: _Counts, others: _Counts | None) -> _Counts:
    if others is None or tuple(others[0]) != tuple(counts[0]):
        return counts
    return counts[0], [one + other for one, other in zip(counts[1], others[1], strict=True)]


def percentile(counts: _Counts, quantile: float) -> float:
    """Return a percentile in seconds: linear within a bucket, as in histogram_quantile."""
    bounds, calls = counts
    below, lower = 0.0, 0.0
    rank = quantile * sum(calls)
    for bound, total in zip(bounds, accumulate(calls), strict=False):
        if total >= rank:
            return lower + (bound - lower) * (rank - below) / max(total - below, 1e-9)
        below, lower = total, bound
    return lower
