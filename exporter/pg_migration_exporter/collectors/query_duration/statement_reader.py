"""What one look at pg_stat_statements adds to what was there before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pg_migration_exporter.latency.interval import Interval, Totals

#: Role, database, queryid, and whether a client sent it rather than a function.
Key = tuple[int, int, int, bool]


class Row(NamedTuple):
    """One entry, column by column as `sql.STATEMENTS` returns it; times in seconds."""

    userid: int
    dbid: int
    queryid: int
    toplevel: bool
    calls: int
    rows: int
    seconds: float
    squares: float
    plans: int
    plan_seconds: float
    plan_squares: float
    fastest: float
    slowest: float

    @property
    def key(self) -> Key:
        """What identifies the entry on one server."""
        return self[:4]

    def since(self, before: Row | None) -> Interval | None:
        """The calls since `before`, None if there were none."""
        execution = Totals(self.calls, self.seconds, self.squares)
        planning = Totals(self.plans, self.plan_seconds, self.plan_squares)
        then_executed, then_planned = Totals(), Totals()
        if before is not None and not self.is_newer_than(before):
            then_executed = Totals(before.calls, before.seconds, before.squares)
            then_planned = Totals(before.plans, before.plan_seconds, before.plan_squares)
        return Interval.of(
            execution.since(then_executed),
            planning.since(then_planned),
            self.fastest,
            self.slowest,
        )

    def is_newer_than(self, before: Row) -> bool:
        """Whether this is another entry: the one before was reset or dropped."""
        return self.calls < before.calls or self.seconds < before.seconds


class Change(NamedTuple):
    """What was added to one entry."""

    row: Row
    interval: Interval
    rows: int


class StatementReader:
    """The entries as they were last seen; `None` before the first look at a server."""

    def __init__(self) -> None:
        self.seen: dict[Key, Row] | None = None

    def forget(self) -> None:
        """Other numbers will come: the next look only sets the mark."""
        self.seen = None

    def was_reset(self) -> None:
        """Everything counts from zero."""
        if self.seen is not None:
            self.seen = {}

    def look(self, rows: Iterable[Row], unknown: frozenset[Key] = frozenset()) -> list[Change]:
        """A look at all entries. Those in `unknown` are left for a later one."""
        if self.seen is None:
            self.seen = {row.key: row for row in rows}
            return []
        before, present = self.seen, {row.key: row for row in rows}
        self.seen = {
            key: before.get(key, row) if key in unknown else row
            for key, row in present.items()
            if key not in unknown or key in before
        }
        return list(_changes(self.seen.values(), before))

    def glimpse(self, rows: Iterable[Row]) -> list[Change]:
        """A look at some entries that were seen before."""
        if self.seen is None:
            return []
        before = self.seen
        changes = list(_changes([row for row in rows if row.key in before], before))
        before.update((change.row.key, change.row) for change in changes)
        return changes


def _changes(rows: Iterable[Row], before: dict[Key, Row]) -> Iterator[Change]:
    for row in rows:
        then = before.get(row.key)
        if then is not None and then.calls == row.calls and then.seconds == row.seconds:
            continue
        interval = row.since(then)
        if interval is not None:
            is_new = then is None or row.is_newer_than(then)
            yield Change(row, interval, row.rows - (0 if then is None or is_new else then.rows))
