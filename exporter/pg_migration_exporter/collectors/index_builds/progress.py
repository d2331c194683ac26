"""The progress of an index build: a weighted sum of its phases.

PostgreSQL's counters start from zero in each phase.

The weights are shares of the time that builds of B-trees took on tables of some million rows; they
are estimates, and so is the remaining time. PostgreSQL, "CREATE INDEX Progress Reporting".
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

_Unit = Literal["blocks", "tuples", "lockers", ""]


@dataclass(frozen=True, slots=True)
class _Phase:
    """A phase, its share of the whole in percent, and what counts its own progress."""

    name: str
    share: float
    unit: _Unit


#: The parts of "building index". Access methods other than btree do not name theirs.
_BUILDING = (
    _Phase("building index: initializing", 0, ""),
    _Phase("building index: scanning table", 55, "blocks"),
    _Phase("building index: sorting live tuples", 15, ""),
    _Phase("building index: sorting dead tuples", 0, ""),
    _Phase("building index: loading tuples in tree", 30, "tuples"),
)
_PLAIN = (_Phase("waiting for the table lock", 0, ""), _Phase("initializing", 0, ""), *_BUILDING)
_CONCURRENT = (
    _Phase("waiting for the table lock", 0, ""),
    _Phase("initializing", 0, ""),
    _Phase("waiting for writers before build", 1, "lockers"),
    *(_Phase(phase.name, phase.share * 0.7, phase.unit) for phase in _BUILDING),
    _Phase("waiting for writers before validation", 1, "lockers"),
    _Phase("index validation: scanning index", 8, "blocks"),
    _Phase("index validation: sorting tuples", 2, ""),
    _Phase("index validation: scanning table", 15, "blocks"),
    _Phase("waiting for old snapshots", 1, "lockers"),
    _Phase("waiting for readers before marking dead", 1, "lockers"),
    _Phase("waiting for readers before dropping", 1, "lockers"),
)

_BUILDING_INDEX = "building index"

#: Seconds over which the speed is measured, at most and at least.
_MAX_SPEED_WINDOW = 60.0
_MIN_SPEED_WINDOW = 2.0
#: Seconds without progress after which the speed is unknown.
_STALLED_AFTER = 5.0


@dataclass(frozen=True, slots=True)
class Counters:
    """What pg_stat_progress_create_index counts, (done, total) each; a total of 0 is unknown."""

    blocks: tuple[int, int] = (0, 0)
    tuples: tuple[int, int] = (0, 0)
    lockers: tuple[int, int] = (0, 0)
    partitions: tuple[int, int] = (0, 0)

    def share(self, unit: _Unit) -> float:
        """Return the progress within a phase, 0 to 1; 0 where nothing counts it.

        While it scans the first block of a table, PostgreSQL reports all blocks as done
        (heapam_scan_get_blocks_done), so that counts as none until the next phase begins.
        """
        done, total = getattr(self, unit) if unit else (0, 0)
        if unit == "blocks" and done >= total:
            return 0.0
        return min(done / total, 1.0) if total > 0 else 0.0


def progress_ratio(command: str, phase: str, counters: Counters) -> float | None:
    """Return the progress of the whole build, 0 to 1; None in an unknown phase."""
    phases = _CONCURRENT if command.endswith("CONCURRENTLY") else _PLAIN
    ratio = _within_phases(phases, phase, counters)
    done, partitions = counters.partitions
    if ratio is None or not partitions:
        return ratio
    return min((min(done, partitions - 1) + ratio) / partitions, 1.0)


def _within_phases(phases: tuple[_Phase, ...], name: str, counters: Counters) -> float | None:
    whole = sum(phase.share for phase in phases)
    passed = 0.0
    for phase in phases:
        if phase.name == name:
            return (passed + phase.share * counters.share(phase.unit)) / whole
        passed += phase.share
    if not name.startswith(_BUILDING_INDEX):
        return None
    parts = [phase.name.startswith(_BUILDING_INDEX) for phase in phases]
    before = sum(phase.share for phase in phases[: parts.index(True)])
    building = sum(phase.share for phase, part in zip(phases, parts, strict=True) if part)
    return (before + building * counters.share("blocks")) / whole


@dataclass(slots=True)
class Progress:
    """The progress of one build over time, which never goes back.

    Times are the server's, in seconds since the epoch. When its clock is set back, the speed is
    measured again. `history` are pairs of a time and the ratio then.
    """

    ratio: float = 0.0
    history: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=120))

    def update(self, ratio: float, now: float) -> None:
        """Add the progress at a moment."""
        self.ratio = max(self.ratio, ratio)
        if self.history and now < self.history[-1][0]:
            self.history.clear()
        self.history.append((now, self.ratio))
        while now - self.history[0][0] > _MAX_SPEED_WINDOW:
            self.history.popleft()

    def remaining(self) -> float | None:
        """Return the seconds until the end at the present speed; None while it is unknown."""
        if not self.history:
            return None
        (then, ratio_then), (now, ratio) = self.history[0], self.history[-1]
        reached = next(moment for moment, earlier in self.history if earlier == ratio)
        moves = ratio > ratio_then and now - reached <= _STALLED_AFTER
        if now - then < _MIN_SPEED_WINDOW or not moves:
            return None
        return (1 - ratio) * (now - then) / (ratio - ratio_then)
