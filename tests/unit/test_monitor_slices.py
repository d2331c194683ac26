"""What successive reads of the slices of pg_stat_monitor add up to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pg_migration_exporter.collectors.query_duration.monitor_slices import (
    Slice,
    SliceReader,
    bounds_of,
)
from tests.fixtures.statement_monitor import TIMINGS

_KEPT = 3


class Extension:
    """Counts calls for each slice of a minute, and keeps three of these."""

    def __init__(self) -> None:
        self.slices: dict[float, list[int]] = {}

    def call(self, minute: int, bucket: int) -> None:
        """Count one call; a new slice takes the oldest one's place."""
        self.slices.setdefault(minute * 60.0, [0, 0])[bucket] += 1
        self.slices = dict(sorted(self.slices.items())[-_KEPT:])

    def since(self, oldest: float) -> list[Slice]:
        """The slices that began at `oldest` or later."""
        return [
            Slice(began, 5, list(counts), sum(counts) / 8, 1)
            for began, counts in self.slices.items()
            if began >= oldest
        ]


reads = st.lists(
    st.lists(st.tuples(st.integers(0, _KEPT - 1), st.integers(0, 1)), max_size=6), max_size=12
)


@given(st.integers(0, 5), reads)
def test_every_call_is_counted_once(earlier: int, rounds: list[list[tuple[int, int]]]) -> None:
    """Calls go to the newest slice; at most two that are newer begin between two reads."""
    extension, reader, minute = Extension(), SliceReader(), 1
    for number in range(earlier):
        extension.call(number, 0)
        minute = number
    assert list(reader.changes(extension.since(reader.oldest))) == []
    called, counted, seconds = [0, 0], [0, 0], 0.0
    for calls in rounds:
        first = minute
        for later, bucket in calls:
            minute = max(minute, first + later)
            extension.call(minute, bucket)
            called[bucket] += 1
        for added in reader.changes(extension.since(reader.oldest)):
            assert min(added.counts) >= 0
            counted = [old + new for old, new in zip(counted, added.counts, strict=True)]
            seconds += added.seconds
    assert counted == called
    assert seconds == sum(called) / 8


def test_a_bucket_that_fell_is_a_reset() -> None:
    reader = SliceReader()
    list(reader.changes([Slice(60.0, 5, [3, 3], 1.0, 2)]))
    [added] = reader.changes([Slice(60.0, 5, [9, 2], 0.5, 2)])
    assert (added.counts, added.seconds) == ([9, 2], 0.5)


def test_sums_in_another_order_never_make_it_fall() -> None:
    reader = SliceReader()
    list(reader.changes([Slice(60.0, 5, [3], 1.0, 2)]))
    [added] = reader.changes([Slice(60.0, 5, [3], 1.0 - 1e-15, 2)])
    assert added.seconds == 0


def test_numbers_of_another_server_are_not_compared() -> None:
    """Nor is its past counted, though its clock is behind."""
    reader = SliceReader()
    list(reader.changes([Slice(600.0, 5, [3], 1.0, 2)]))
    reader.forget()
    assert reader.oldest == 0
    assert list(reader.changes([Slice(60.0, 5, [100], 1.0, 2)])) == []


def test_bounds_are_seconds_and_the_last_bucket_has_none() -> None:
    assert bounds_of(TIMINGS) == (0.001, 0.010993, 0.101, 1.0)
