"""What one look at pg_stat_monitor adds to what was there before.

The extension counts each call into a bucket of durations, exactly, but only for a slice of time
(`pgsm_bucket_time`, a minute), and drops the oldest slice when a new one needs its place. So each
slice is compared with itself at the look before. A slice is known by when it began: the number that
the extension gives it is used again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from operator import sub
from typing import NamedTuple

#: An upper bound of `get_histogram_timings()`, in milliseconds: "{{0.000 - 1.000}, (1.000 - ...}}".
_UPPER = re.compile(r"- (\d+\.\d+)")
#: Seconds since the epoch at which a slice began, and a database.
Key = tuple[float, int]


class Slice(NamedTuple):
    """A slice of time in one database, column by column as `sql.SLICES` returns it.

    `counts` has calls for each bucket of durations; `entries` says how many the extension has.
    """

    started: float
    dbid: int
    counts: Sequence[int]
    seconds: float
    entries: int

    def since(self, before: Slice | None) -> Slice:
        """What was added since `before`; everything, if a bucket fell: the extension was reset."""
        if before is None:
            return self
        counts = list(map(sub, self.counts, before.counts))
        if min(counts) < 0:
            return self
        # Its entries are summed up in any order, so that the same sum may differ in its last bits.
        return self._replace(counts=counts, seconds=max(self.seconds - before.seconds, 0.0))


class Slices:
    """The latest slices as they were last seen; `None` before the first look at a server."""

    def __init__(self) -> None:
        self._seen: dict[Key, Slice] | None = None

    def forget(self) -> None:
        """Other numbers will come: the next look only sets the mark."""
        self._seen = None

    @property
    def oldest(self) -> float:
        """When the oldest slice began that may still grow, or be seen for the first time."""
        return min((started for started, _ in self._seen or ()), default=0.0)

    def look(self, slices: Iterable[Slice]) -> Iterator[Slice]:
        """What was added to the slices that began at `oldest` or later."""
        before, now = self._seen, {(one.started, one.dbid): one for one in slices}
        if now or before is None:
            # Calls go to the newest slice; the one before may just have been left.
            latest = sorted({started for started, _ in now})[-2:]
            self._seen = {key: one for key, one in now.items() if key[0] in latest}
        if before is not None:
            yield from (one.since(before.get(key)) for key, one in now.items())


def bounds_of(timings: str) -> tuple[float, ...]:
    """The upper bounds in seconds, without the last bucket's, which has none."""
    return tuple(round(float(one) / 1000, 6) for one in _UPPER.findall(timings))
