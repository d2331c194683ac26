"""How far an index build is: its phases weighed, since PostgreSQL's counters start anew in each.

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

#: Seconds: the speed is that of the last minute, not known before two, and lost when nothing moves.
_SPEED_OVER, _SPEED_NEEDS, _STANDS_STILL = 60.0, 2.0, 5.0


@dataclass(frozen=True, slots=True)
class Counters:
    """What pg_stat_progress_create_index counts, (done, total) each; a total of 0 is unknown."""

    blocks: tuple[int, int] = (0, 0)
    tuples: tuple[int, int] = (0, 0)
    lockers: tuple[int, int] = (0, 0)
    partitions: tuple[int, int] = (0, 0)

    def share(self, unit: _Unit) -> float:
        """Progress within a phase, 0 to 1; 0 where nothing counts it.

        While a table's first block is scanned, PostgreSQL says that all blocks are done
        (heapam_scan_get_blocks_done). That it means the last one is told by the next phase.
        """
        done, total = getattr(self, unit) if unit else (0, 0)
        if unit == "blocks" and done >= total:
            return 0.0
        return min(done / total, 1.0) if total > 0 else 0.0


def progress_ratio(command: str, phase: str, counters: Counters) -> float | None:
    """Progress of the whole build, 0 to 1; None in a phase that is not known here."""
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
    """The course of one build: never goes back, and tells the remaining time where it can.

    Times are the server's, in seconds since the epoch; when its clock was set back, the speed is
    learned anew.
    """

    ratio: float = 0.0
    seen: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=120))

    def see(self, ratio: float, now: float) -> None:
        """Note the progress at a moment."""
        self.ratio = max(self.ratio, ratio)
        if self.seen and now < self.seen[-1][0]:
            self.seen.clear()
        self.seen.append((now, self.ratio))
        while now - self.seen[0][0] > _SPEED_OVER:
            self.seen.popleft()

    def remaining(self) -> float | None:
        """Seconds until the end at the present speed; None while that speed is not known."""
        if not self.seen:
            return None
        (then, ratio_then), (now, ratio) = self.seen[0], self.seen[-1]
        reached = next(moment for moment, one in self.seen if one == ratio)
        moves = ratio > ratio_then and now - reached <= _STANDS_STILL
        if now - then < _SPEED_NEEDS or not moves:
            return None
        return (1 - ratio) * (now - then) / (ratio - ratio_then)
