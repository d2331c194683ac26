"""Counters of the statements with most time, and of all others together.

What an interval added goes to the series that is shown at that moment. So every series only grows,
also when a statement joins the top or leaves it, and the increases of all series together are those
of all statements. A statement that leaves takes its series along: what it had counted is not added
to `other`, where it would look like work that was done just then.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

#: Database, queryid, role: a statement called by a client and by a function is one here.
StatementKey = tuple[str, int, str]

#: A statement's time counts half after so many seconds, so that what a migration changed shows up.
_HALF_LIFE = 900.0
#: A statement joins the top if it is that much above one that is in it: series do not flicker.
_MARGIN = 1.2


@dataclass(slots=True)
class Counters:
    """Calls, their seconds and their rows."""

    calls: int = 0
    seconds: float = 0.0
    rows: int = 0

    def add(self, more: Counters) -> None:
        """Count `more` too."""
        self.calls += more.calls
        self.seconds += more.seconds
        self.rows += more.rows


@dataclass(slots=True)
class TopStatements:
    """At most `size` statements one by one, and one sum for each database."""

    size: int
    shown: set[StatementKey] = field(default_factory=set)
    _counters: dict[StatementKey, Counters] = field(default_factory=dict)
    _others: dict[str, Counters] = field(default_factory=dict)
    _scores: dict[StatementKey, float] = field(default_factory=dict)

    def count(self, added: Iterable[tuple[StatementKey, Counters]], elapsed: float) -> None:
        """Count what the last `elapsed` seconds added."""
        fading = 0.5 ** (elapsed / _HALF_LIFE)
        scores = {one: score * fading for one, score in self._scores.items()}
        added = list(added)
        for statement, more in added:
            scores[statement] = scores.get(statement, 0.0) + more.seconds
        self._scores = scores
        self._choose()
        for statement, more in added:
            self._counters_of(statement).add(more)

    def keep(self, existing: Iterable[StatementKey]) -> None:
        """Forget the statements that do not exist any more and are not shown."""
        kept = set(existing) | self.shown
        self._scores = {one: score for one, score in self._scores.items() if one in kept}
        self._counters = {one: had for one, had in self._counters.items() if one in kept}

    def forget(self, datname: str) -> None:
        """Forget everything of a database: all of its series end."""
        self._others.pop(datname, None)
        self.shown = {one for one in self.shown if one[0] != datname}
        self.keep(one for one in self._counters.keys() | self._scores.keys() if one[0] != datname)

    def series(self) -> Iterator[tuple[StatementKey, Counters]]:
        """The statements that are shown."""
        for statement in self.shown:
            yield statement, self._counters.setdefault(statement, Counters())

    def others(self) -> Iterator[tuple[str, Counters]]:
        """The others, by database."""
        yield from self._others.items()

    def _counters_of(self, statement: StatementKey) -> Counters:
        if statement in self.shown:
            return self._counters.setdefault(statement, Counters())
        return self._others.setdefault(statement[0], Counters())

    def _choose(self) -> None:
        def rank(statement: StatementKey) -> float:
            return self._scores[statement] * (_MARGIN if statement in self.shown else 1.0)

        candidates = [one for one, score in self._scores.items() if score > 0]
        self.shown = set(heapq.nlargest(self.size, candidates, key=rank))
