"""What is remembered about one changelog: its lock, its runs, and the acknowledged failure.

The history table does not record failures, but counters of written rows reveal them (measured on
Liquibase 4.28): a run updates the lock's row twice, to take and to release it; `update` adds a row
for each changeset, `rollback` deletes rows; a run that failed at its first changeset adds none.
Commands with nothing to do update the lock's row once or not at all, and do not count as runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pg_migration_exporter.liquibase.history.counters import RowCounters
from pg_migration_exporter.liquibase.state.evidence import Lock, ReportedRun, RunEffect
from pg_migration_exporter.metrics.histograms import DurationHistogram

#: Seconds; PostgreSQL reports at the session's end, or when it has been idle for 10 s.
_STATISTICS_DELAY = 15.0
#: Seconds by which a report may precede the poll before the one that noticed the end of its run:
#: statistics arrive late, and the wrapper's clock may be behind the server's.
_REPORT_TOLERANCE = 30.0
_MAX_PENDING = 100

_NOT_STORED = "polled_at"
#: A field and its name in the stored state.
_FIELD, _STORED_NAME = "pending_after_last_run", "left_out"


@dataclass(slots=True)
class ChangelogMemory:
    """The past of one changelog; durable. Times are the server's, in seconds since the epoch.

    `counters` is None until the first poll. Pass zeros if the tables did not exist before, so that
    the run that creates them counts. `run` is the number of runs that ended.
    """

    oid: int = 0
    #: Created since the last search of all tables, next to a changelog that shares its lock.
    is_new: bool = False
    counters: RowCounters | None = None
    run: int = 0
    last_run: RunEffect = RunEffect.UNKNOWN
    ended_at: float = 0.0
    #: The last run ended after this: earlier reports are about an earlier run.
    ended_after: float = 0.0
    #: The previous poll; not stored, since a run may end while the exporter is down.
    polled_at: float = 0.0
    acknowledged_at: float = -1.0
    #: The first changesets that were still pending when the last run ended.
    pending_after_last_run: list[str] = field(default_factory=list)
    last_order: int | None = None
    status: str = ""
    saw_lock_held: bool = False
    unsettled_since: float | None = None
    lock_version: str = ""
    lock_first_seen: float = 0.0
    lock_taken: float = 0.0
    holder_last_seen: float = 0.0
    runs: dict[str, int] = field(default_factory=dict)
    durations: DurationHistogram = field(default_factory=DurationHistogram)

    def record_table(self, oid: int) -> bool:
        """Start over if the history is a different table than before; True if it is.

        Totals are kept.
        """
        is_different = self.oid not in (0, oid)
        if is_different:
            self.counters, self.last_run, self.last_order = RowCounters(), RunEffect.UNKNOWN, 0
            self.saw_lock_held, self.unsettled_since = False, None
        self.oid = oid
        return is_different

    def record_counters(
        self, counters: RowCounters, *, idle: bool, now: float, ignore_empty_runs: bool = False
    ) -> int:
        """Return how many runs ended since the previous poll; none as long as it is not `idle`.

        With `ignore_empty_runs`, a run that wrote no row of this history does not count: it belongs
        to another changelog that shares the lock.
        """
        ended = self._count_ended(counters, idle=idle, now=now, ignore_empty_runs=ignore_empty_runs)
        self.polled_at = now
        return ended

    def _count_ended(
        self, counters: RowCounters, *, idle: bool, now: float, ignore_empty_runs: bool
    ) -> int:
        before = self.counters
        if self.is_new and idle:
            return self._record_first_run(counters, now)
        if before is None or counters.went_back(before):
            self._settle(counters)
            return 0
        if not idle or counters == before:
            return 0
        ended = (counters.locks - before.locks) // 2
        if ended and ignore_empty_runs and counters.has_same_history(before):
            self._settle(counters)
            return 0
        if ended:
            self._record_end(self._effect(before, counters), ended, now)
            self._settle(counters)
        elif self._is_settled(now):
            self._settle(counters)
        return ended

    def _record_first_run(self, counters: RowCounters, now: float) -> int:
        """Count the run that created the history by its rows: the lock is shared."""
        self.is_new = False
        self._settle(counters)
        if not counters.inserted:
            return 0
        self._record_end(RunEffect.ADDED_ROWS, 1, now)
        return 1

    def _record_end(self, effect: RunEffect, ended: int, now: float) -> None:
        self.ended_after = max(self.ended_at, self.polled_at - _REPORT_TOLERANCE)
        self.last_run, self.ended_at = effect, now
        self.run += ended

    def record_lock(
        self, *, locked: bool, locked_by: str, version: str, taken: float | None, now: float
    ) -> Lock:
        """Record the lock's row; `version` is its xmin, `taken` its commit time or None."""
        self.saw_lock_held = self.saw_lock_held or locked
        if version != self.lock_version:
            self.lock_version, self.lock_first_seen, self.holder_last_seen = version, now, now
        since = taken if taken is not None else self.lock_first_seen
        if locked:
            self.lock_taken = since
        return Lock(locked, locked_by, since, max(now - since, 0.0) if locked else 0.0)

    def record_holder(self, lock: Lock, session_starts: Iterable[float], *, now: float) -> Lock:
        """Return the lock with whether one of the sessions is old enough to hold it."""
        if not lock.locked:
            return lock
        self.holder_last_seen = min(self.holder_last_seen, now)  # the clock may be set back
        if any(start <= lock.taken for start in session_starts):
            self.holder_last_seen = now
            return replace(lock, has_holder=True)
        return replace(lock, holder_missing_for=now - self.holder_last_seen)

    def record_pending(self, pending: Sequence[str]) -> None:
        """Record what the run that has just ended did not apply; later changesets do not count."""
        self.pending_after_last_run = list(pending[:_MAX_PENDING])

    def count_runs(self, outcome: str, ended: int) -> None:
        """Count runs that ended; only the outcome of the last one is known."""
        self.runs[outcome] = self.runs.get(outcome, 0) + 1
        if ended > 1:
            self.runs["unknown"] = self.runs.get("unknown", 0) + ended - 1

    def acknowledge(self, now: float) -> None:
        """Acknowledge every failure up to now."""
        self.acknowledged_at = max(now, self.ended_at)

    def is_acknowledged(self, reported: ReportedRun | None) -> bool:
        """Whether the failure of the last run, polled or reported, was acknowledged."""
        reported_at = (reported and reported.ended_at) or 0.0
        return self.acknowledged_at >= max(self.ended_at, reported_at)

    def dump(self) -> dict[str, Any]:
        """Return everything durable, as JSON."""
        fields = asdict(self) | {"durations": self.durations.dump()}
        del fields[_NOT_STORED]
        fields[_STORED_NAME] = fields.pop(_FIELD)
        return fields

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> ChangelogMemory:
        """Restore from `dump`. Raises KeyError, TypeError or ValueError for invalid data."""
        fields = dict(state)
        if _STORED_NAME in fields:
            fields[_FIELD] = fields.pop(_STORED_NAME)
        counters = fields["counters"]
        fields["counters"] = RowCounters(**counters) if counters is not None else None
        fields["last_run"] = RunEffect(fields["last_run"])
        fields["durations"] = DurationHistogram.load(fields["durations"])
        return cls(**fields)

    def _settle(self, counters: RowCounters) -> None:
        self.counters, self.unsettled_since, self.saw_lock_held = counters, None, False
        self.lock_taken = 0.0

    def _is_settled(self, now: float) -> bool:
        """Whether every session has had time to report its counters."""
        if self.unsettled_since is None:
            self.unsettled_since = now
        return not 0 <= now - self.unsettled_since <= _STATISTICS_DELAY

    def _effect(self, before: RowCounters, after: RowCounters) -> RunEffect:
        if after.deleted > before.deleted:
            return RunEffect.REMOVED_ROWS
        if after.inserted > before.inserted:
            return RunEffect.ADDED_ROWS
        if after.updated > before.updated:  # a tag, cleared checksums, a changeset that ran again
            return RunEffect.UPDATED_ROWS
        return RunEffect.LEFT_NO_ROW if self.saw_lock_held else RunEffect.MAYBE_LEFT_NO_ROW
