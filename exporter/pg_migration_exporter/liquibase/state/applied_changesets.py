"""Changesets that appear in a history or disappear from it: durations and events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pg_migration_exporter.events import Event, EventKind
from pg_migration_exporter.formatting import shortened
from pg_migration_exporter.liquibase.history.row import Row
from pg_migration_exporter.liquibase.state.tracked import TrackedChangelog


@dataclass(frozen=True, slots=True)
class AppliedChangesets:
    """Records changesets of a database; `datname` is its name in events."""

    datname: str
    emit: Callable[[Event], None]

    def record(self, changelog: TrackedChangelog, new: Sequence[Row]) -> None:
        """Record the rows that are new since the previous poll, except those of the first poll."""
        memory, last = changelog.memory, changelog.history.contents.last
        if memory.last_order is not None:
            previous = None
            for row in new:
                if row.order > memory.last_order:
                    self._record_row(changelog, row, _seconds_between(previous, row))
                previous = row
        memory.last_order = last.order if last is not None else 0

    def record_removed(self, changelog: TrackedChangelog, count: int) -> None:
        """Emit an event for the changesets that are no longer in the history."""
        if count:
            details: dict[str, str | float | int] = {"changesets": count}
            self._emit(EventKind.CHANGESETS_REMOVED, changelog.name, details)

    def _record_row(self, changelog: TrackedChangelog, row: Row, seconds: float | None) -> None:
        details: dict[str, str | float | int] = {"exectype": row.exectype}
        if seconds is None and row.committed is not None and changelog.memory.lock_taken:
            # The first changeset of a run began when the lock was taken.
            seconds = row.committed - changelog.memory.lock_taken
        if seconds is not None and seconds >= 0 and row.exectype != "MARK_RAN":
            changelog.memory.durations.observe(seconds)
            details["seconds"] = round(seconds, 3)
        self._emit(EventKind.CHANGESET_APPLIED, shortened(row.identity), details)

    def _emit(self, kind: EventKind, subject: str, details: dict[str, str | float | int]) -> None:
        self.emit(Event(kind, self.datname, subject, details))


def _seconds_between(previous: Row | None, row: Row) -> float | None:
    """Return the duration of a changeset: the time since the previous one of its deployment."""
    if previous is None or previous.deployment_id != row.deployment_id:
        return None
    if previous.executed is None or row.executed is None:
        return None
    return row.executed - previous.executed
