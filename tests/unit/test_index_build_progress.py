"""Progress by weighed phases: each phase begins where the one before it ended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_migration_exporter.collectors.index_builds.progress import (
    Counters,
    Progress,
    progress_ratio,
)

_BUILDING = [
    "building index: initializing",
    "building index: scanning table",
    "building index: sorting live tuples",
    "building index: loading tuples in tree",
]
_COURSES = {
    "CREATE INDEX": ["initializing", *_BUILDING],
    "REINDEX CONCURRENTLY": [
        "waiting for writers before build",
        *_BUILDING,
        "waiting for writers before validation",
        "index validation: scanning index",
        "index validation: sorting tuples",
        "index validation: scanning table",
        "waiting for old snapshots",
        "waiting for readers before marking dead",
        "waiting for readers before dropping",
    ],
}


@pytest.mark.parametrize("command", _COURSES)
def test_a_whole_progress_rises_from_nothing_to_the_end(command: str) -> None:
    steps = [
        progress_ratio(command, phase, Counters(*[(done, 10)] * 3))
        for phase in _COURSES[command]
        for done in (0, 5, 9)
    ]
    ratios = [step for step in steps if step is not None]
    assert len(ratios) == len(steps)
    assert ratios == sorted(ratios)
    assert 0 <= ratios[0] < 0.01
    assert ratios[-1] > 0.95


def test_other_access_methods_name_no_parts() -> None:
    half = progress_ratio("CREATE INDEX", "building index", Counters(blocks=(5, 10)))
    assert half == pytest.approx(0.5)


def test_a_phase_of_a_later_postgresql_is_not_guessed() -> None:
    assert progress_ratio("CREATE INDEX", "polishing", Counters()) is None


def test_partitions_are_equal_parts() -> None:
    counters = Counters(blocks=(5, 10), partitions=(1, 4))
    scanned = progress_ratio("CREATE INDEX", "building index: scanning table", counters)
    assert scanned == pytest.approx((1 + 0.55 / 2) / 4)


@pytest.mark.parametrize("phase", ["building index", "building index: scanning table"])
def test_the_first_block_of_a_table_is_not_all_of_it(phase: str) -> None:
    """PostgreSQL counts it so: heapam_scan_get_blocks_done."""
    assert progress_ratio("CREATE INDEX", phase, Counters(blocks=(10, 10))) == 0


@given(st.lists(st.floats(0, 1), max_size=30))
def test_it_never_goes_back(ratios: list[float]) -> None:
    progress, shown = Progress(), []
    for moment, ratio in enumerate(ratios):
        progress.update(ratio, float(moment))
        shown.append(progress.ratio)
        remaining = progress.remaining()
        assert remaining is None or remaining >= 0
    assert shown == sorted(shown)


def test_remaining_time_is_told_only_while_it_moves() -> None:
    progress = Progress()
    assert progress.remaining() is None
    for moment in range(11):
        progress.update(moment / 100, float(moment))
    assert progress.remaining() == pytest.approx(90)
    progress.update(0.10, 16.0)
    assert progress.remaining() is None


def test_the_speed_is_learned_anew_when_the_clock_was_set_back() -> None:
    progress = Progress()
    for moment in range(11):
        progress.update(moment / 100, 7200.0 + moment)
    for moment in range(11):
        progress.update(0.1 + moment / 100, float(moment))
        assert progress.remaining() is None or moment > 0
    assert progress.remaining() == pytest.approx(80)
