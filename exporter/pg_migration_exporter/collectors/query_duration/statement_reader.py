"""What was added to the entries of pg_stat_statements between two reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pg_migration_exporter.latency.interval import Interval, Totals

#: userid, dbid, queryid, and toplevel: whether a client sent it, not a function.
EntryKey = tuple[int, int, int, bool]


class Entry(NamedTuple):
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
    def key(self) -> EntryKey:
        """The identity of the entry on one server."""
        return self.userid, self.dbid, self.queryid, self.toplevel

    def since(self, before: Entry | None) -> Interval | None:
        """Return the calls since `before`, None if there were none."""
        execution = Totals(self.calls, self.seconds, self.squares)
        planning = Totals(self.plans, self.plan_seconds, self.plan_squares)
        executed_before, planned_before = Totals(), Totals()
        if before is not None and not self.is_newer_than(before):
            executed_before = Totals(before.calls, before.seconds, before.squares)
            planned_before = Totals(before.plans, before.plan_seconds, before.plan_squares)
        return Interval.of(
            execution.since(executed_before),
            planning.since(planned_before),
            self.fastest,
            self.slowest,
        )

    def is_newer_than(self, before: Entry) -> bool:
        """Return whether this is a new entry: the one before was reset or dropped."""
        return self.calls < before.calls or self.seconds < before.seconds


class EntryChange(NamedTuple):
    """What was added to one entry."""

    entry: Entry
    interval: Interval
    rows: int


class StatementReader:
    """The entries of the previous read; None before the first read of a server."""

    def __init__(self) -> None:
        self.previous: dict[EntryKey, Entry] | None = None

    def forget(self) -> None:
        """Forget the previous read: the next one is only the baseline."""
        self.previous = None

    def reset(self) -> None:
        """Start from zero: the statistics were reset."""
        if self.previous is not None:
            self.previous = {}

    def update(
        self, entries: Iterable[Entry], undecided: frozenset[EntryKey] = frozenset()
    ) -> list[EntryChange]:
        """Return the changes in a read of all entries; those in `undecided` count later."""
        if self.previous is None:
            self.previous = {entry.key: entry for entry in entries}
            return []
        before, present = self.previous, {entry.key: entry for entry in entries}
        self.previous = {
            key: before.get(key, entry) if key in undecided else entry
            for key, entry in present.items()
            if key not in undecided or key in before
        }
        return list(_changes(self.previous.values(), before))

    def update_some(self, entries: Iterable[Entry]) -> list[EntryChange]:
        """Return the changes in a read of some entries; new ones are ignored."""
        if self.previous is None:
            return []
        before = self.previous
        changes = list(_changes([entry for entry in entries if entry.key in before], before))
        before.update((change.entry.key, change.entry) for change in changes)
        return changes


def _changes(entries: Iterable[Entry], before: dict[EntryKey, Entry]) -> Iterator[EntryChange]:
    for entry in entries:
        old = before.get(entry.key)
        if old is not None and old.calls == entry.calls and old.seconds == entry.seconds:
            continue
        interval = entry.since(old)
        if interval is not None:
            is_new = old is None or entry.is_newer_than(old)
            rows_before = 0 if old is None or is_new else old.rows
            yield EntryChange(entry, interval, entry.rows - rows_before)
