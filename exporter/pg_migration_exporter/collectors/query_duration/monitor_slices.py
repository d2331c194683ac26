"""What was added to pg_stat_monitor between two reads.

The extension counts each call in a bucket of durations, exactly, but only for a slice of time
(`pgsm_bucket_time`, a minute), and drops the oldest slice when a new one needs its place. So each
slice is compared with itself in the previous read. Its start identifies it, since the extension
reuses its number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from operator import sub
from typing import NamedTuple

#: An upper bound of `get_histogram_timings()`, in milliseconds: "{{0.000 - 1.000}, (1.000 - ...}}".
_UPPER = re.compile(r"- (\d+\.\d+)")
#: Start of a slice (seconds since the epoch), and OID of a database.
SliceKey = tuple[float, int]


class Slice(NamedTuple):
    """A slice of time in one database, column by column as `sql.SLICES` returns it.

    `counts` are calls by bucket of durations; `entries` is the number of entries of the extension.
    """

    started: float
    dbid: int
    counts: Sequence[int]
    seconds: float
    entries: int

    def since(self, before: Slice | None) -> Slice:
        """Return what was added since `before`; after a reset, when a bucket fell, everything."""
        if before is None:
            return self
        counts = list(map(sub, self.counts, before.counts))
        if min(counts) < 0:
            return self
        # The server adds the entries in any order, so that equal sums may differ in the last bits.
        return self._replace(counts=counts, seconds=max(self.seconds - before.seconds, 0.0))


class SliceReader:
    """The latest slices of the previous read; None before the first read of a server."""

    def __init__(self) -> None:
        self._previous: dict[SliceKey, Slice] | None = None

    def forget(self) -> None:
        """Forget the previous read: the next one is only the baseline."""
        self._previous = None

    @property
    def oldest(self) -> float:
        """Start of the oldest slice that may still grow or appear."""
        return min((started for started, _ in self._previous or ()), default=0.0)

    def changes(self, slices: Iterable[Slice]) -> Iterator[Slice]:
        """Yield what was added to the slices that began at `oldest` or later."""
        before = self._previous
        now = {(current.started, current.dbid): current for current in slices}
        if now or before is None:
            # Calls are counted in the newest slice; the one before it may have ended a moment ago.
            latest = sorted({started for started, _ in now})[-2:]
            self._previous = {
                key: current for key, current in now.items() if current.started in latest
            }
        if before is not None:
            yield from (current.since(before.get(key)) for key, current in now.items())


def bounds_of(timings: str) -> tuple[float, ...]:
    """Return the upper bounds in seconds, except that of the last, unbounded bucket."""
    return tuple(round(float(bound) / 1000, 6) for bound in _UPPER.findall(timings))
