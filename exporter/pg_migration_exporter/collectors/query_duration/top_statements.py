"""Counters of the statements with the most time, and of all others together.

What an interval added is counted in the series that is shown at that moment. So every series only
grows, even when a statement joins or leaves the top, and the increases of all series add up to
those of all statements. When a statement leaves, its series ends: its counters are not added to
`other`, where they would look like new work.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

#: Seconds after which the time of a statement counts half, so that the top follows a migration.
_HALF_LIFE = 900.0
#: A statement must exceed one of the top by this factor to replace it, so that series are stable.
_MARGIN = 1.2


class StatementKey(NamedTuple):
    """A statement of a role; calls by clients and by functions are not distinguished."""

    datname: str
    queryid: int
    usename: str


@dataclass(slots=True)
class Counters:
    """Calls, their total seconds and rows."""

    calls: int = 0
    seconds: float = 0.0
    rows: int = 0

    def add(self, other: Counters) -> None:
        """Add other counters to these."""
        self.calls += other.calls
        self.seconds += other.seconds
        self.rows += other.rows


@dataclass(slots=True)
class TopStatements:
    """Counters of at most `size` statements, and of the others of each database."""

    size: int
    shown: set[StatementKey] = field(default_factory=set)
    _counters: dict[StatementKey, Counters] = field(default_factory=dict)
    _others: dict[str, Counters] = field(default_factory=dict)
    _scores: dict[StatementKey, float] = field(default_factory=dict)

    def count(self, added: Iterable[tuple[StatementKey, Counters]], elapsed: float) -> None:
        """Count what was added in the last `elapsed` seconds."""
        fading = 0.5 ** (elapsed / _HALF_LIFE)
        scores = {statement: score * fading for statement, score in self._scores.items()}
        added = list(added)
        for statement, counters in added:
            scores[statement] = scores.get(statement, 0.0) + counters.seconds
        self._scores = scores
        self._choose_top()
        for statement, counters in added:
            self._counters_of(statement).add(counters)

    def retain(self, existing: Iterable[StatementKey]) -> None:
        """Drop the statements that no longer exist and are not shown."""
        retained = set(existing) | self.shown
        self._scores = {key: score for key, score in self._scores.items() if key in retained}
        self._counters = {key: count for key, count in self._counters.items() if key in retained}

    def forget(self, datname: str) -> None:
        """Drop everything of a database: all of its series end."""
        self._others.pop(datname, None)
        self.shown = {key for key in self.shown if key.datname != datname}
        known = self._counters.keys() | self._scores.keys()
        self.retain(key for key in known if key.datname != datname)

    def series(self) -> Iterator[tuple[StatementKey, Counters]]:
        """Yield the counters of the top statements."""
        for statement in self.shown:
            yield statement, self._counters.setdefault(statement, Counters())

    def others(self) -> Iterator[tuple[str, Counters]]:
        """Yield the counters of the other statements, by database."""
        yield from self._others.items()

    def _counters_of(self, statement: StatementKey) -> Counters:
        if statement in self.shown:
            return self._counters.setdefault(statement, Counters())
        return self._others.setdefault(statement.datname, Counters())

    def _choose_top(self) -> None:
        def rank(statement: StatementKey) -> float:
            return self._scores[statement] * (_MARGIN if statement in self.shown else 1.0)

        candidates = [statement for statement, score in self._scores.items() if score > 0]
        self.shown = set(heapq.nlargest(self.size, candidates, key=rank))
