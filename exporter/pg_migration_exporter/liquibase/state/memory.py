"""What is remembered of one changelog: its lock, what its runs did, which failure was seen.

The history table does not record a failure. Counters of rows written do tell (measured on Liquibase
4.28): a run updates the lock's row twice, to take and to release it; `update` adds a row for each
changeset, `rollback` deletes them; a run that failed at its first changeset adds none. Commands
with nothing to do update the lock's row once or not at all, and are no run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pg_migration_exporter.liquibase.state.evidence import Lock, Reported, Run
from pg_migration_exporter.metrics.histograms import DurationHistogram

#: Seconds; PostgreSQL reports at the session's end, or when it has been idle for 10 s.
_STATISTICS_ARRIVE_WITHIN = 15.0
#: Seconds that a report may be older than the last look before its run was seen to have ended:
#: statistics arrive late, and the wrapper's clock may be behind the server's.
_REPORTED_WITHIN = 30.0
_REMEMBERED = 100


@dataclass(frozen=True, slots=True)
class Counters:
    """Rows ever inserted into, updated in and deleted from the history; updates of the lock."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    locks: int = 0

    def went_back(self, before: Counters) -> bool:
        """True after the statistics were reset, or the tables were created again."""
        return self.locks < before.locks or self.inserted < before.inserted

    def wrote_nothing_since(self, before: Counters) -> bool:
        """Whether the history has the same counters as before."""
        return (self.inserted, self.updated, self.deleted) == (
            before.inserted, before.updated, before.deleted,
        )  # fmt: skip


@dataclass(slots=True)
class ChangelogMemory:
    """One changelog's past; durable. Times are the server's, in seconds since the epoch.

    `counters` is None until the first look. Whoever saw that the tables did not exist yet passes
    zeros, so that the run which creates them counts. `run` numbers the runs that were seen to end.
    """

    oid: int = 0
    #: Made since the last look at all tables, beside another changelog that shares its lock.
    is_new: bool = False
    counters: Counters | None = None
    run: int = 0
    last_run: Run = Run.UNKNOWN
    ended_at: float = 0.0
    #: The last run ended after this: what was reported before is of an earlier one.
    ended_after: float = 0.0
    #: The last look; not durable, for a run may end while nobody looks.
    looked_at: float = 0.0
    acknowledged_at: float = -1.0
    #: The first changesets that were still pending when the last run ended.
    left_out: list[str] = field(default_factory=list)
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

    def see_table(self, oid: int) -> bool:
        """Begin anew when the history is another table than before; what was counted stays.

        True if it is.
        """
        is_another = self.oid not in (0, oid)
        if is_another:
            self.counters, self.last_run, self.last_order = Counters(), Run.UNKNOWN, 0
            self.saw_lock_held, self.unsettled_since = False, None
        self.oid = oid
        return is_another

    def see_counters(
        self, counters: Counters, *, quiet: bool, now: float, others: bool = False
    ) -> int:
        """Compare with the last look, once no run is under way; how many runs ended since.

        `others` says that a run which wrote no row was rather one of another changelog, which
        shares the lock.
        """
        ended = self._count_ended(counters, quiet=quiet, now=now, others=others)
        self.looked_at = now
        return ended

    def _count_ended(self, counters: Counters, *, quiet: bool, now: float, others: bool) -> int:
        before = self.counters
        if self.is_new and quiet:
            return self._see_first_run(counters, now)
        if before is None or counters.went_back(before):
            self._settle(counters)
            return 0
        if not quiet or counters == before:
            return 0
        ended = (counters.locks - before.locks) // 2
        if ended and others and counters.wrote_nothing_since(before):
            self._settle(counters)
            return 0
        if ended:
            self._see_end(self._what_it_did(before, counters), ended, now)
            self._settle(counters)
        elif self._is_settled(now):
            self._settle(counters)
        return ended

    def _see_first_run(self, counters: Counters, now: float) -> int:
        """The run that made a history whose lock says nothing, being shared: its rows tell."""
        self.is_new = False
        self._settle(counters)
        if not counters.inserted:
            return 0
        self._see_end(Run.ADDED_ROWS, 1, now)
        return 1

    def _see_end(self, last_run: Run, ended: int, now: float) -> None:
        self.ended_after = max(self.ended_at, self.looked_at - _REPORTED_WITHIN)
        self.last_run, self.ended_at = last_run, now
        self.run += ended

    def see_lock(
        self, *, locked: bool, locked_by: str, version: str, taken: float | None, now: float
    ) -> Lock:
        """Note the lock's row; `version` is its xmin, `taken` its commit time where it is kept."""
        self.saw_lock_held = self.saw_lock_held or locked
        if version != self.lock_version:
            self.lock_version, self.lock_first_seen, self.holder_last_seen = version, now, now
        since = taken if taken is not None else self.lock_first_seen
        if locked:
            self.lock_taken = since
        return Lock(locked, locked_by, since, max(now - since, 0.0) if locked else 0.0)

    def see_holder(self, lock: Lock, started: Iterable[float], *, now: float) -> Lock:
        """Note whether one of the sessions, by their start, is old enough to hold the lock."""
        if not lock.locked:
            return lock
        self.holder_last_seen = min(self.holder_last_seen, now)  # the clock may be set back
        if any(start <= lock.taken for start in started):
            self.holder_last_seen = now
            return replace(lock, has_holder=True)
        return replace(lock, holder_missing_for=now - self.holder_last_seen)

    def acknowledge(self, now: float) -> None:
        """Take every failure up to now as known."""
        self.acknowledged_at = max(now, self.ended_at)

    def is_acknowledged(self, reported: Reported | None) -> bool:
        """Whether the last run's failure, seen here or reported, is known."""
        reported_at = (reported and reported.ended_at) or 0.0
        return self.acknowledged_at >= max(self.ended_at, reported_at)

    def see_left_out(self, pending: Sequence[str]) -> None:
        """Note what the run that has just ended did not apply: later files are no fault of it."""
        self.left_out = list(pending[:_REMEMBERED])

    def count_runs(self, outcome: str, ended: int) -> None:
        """Count runs that ended; only the last one's outcome is known."""
        self.runs[outcome] = self.runs.get(outcome, 0) + 1
        if ended > 1:
            self.runs["unknown"] = self.runs.get("unknown", 0) + ended - 1

    def dump(self) -> dict[str, Any]:
        """Everything durable, as JSON."""
        everything = asdict(self) | {"durations": self.durations.dump()}
        return {key: value for key, value in everything.items() if key != "looked_at"}

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> ChangelogMemory:
        """Make it again from `dump`. Raises KeyError, TypeError or ValueError for nonsense."""
        counters = state["counters"]
        own = {
            "counters": Counters(**counters) if counters is not None else None,
            "last_run": Run(state["last_run"]),
            "durations": DurationHistogram.load(state["durations"]),
        }
        return cls(**{**state, **own})

    def _settle(self, counters: Counters) -> None:
        self.counters, self.unsettled_since, self.saw_lock_held = counters, None, False
        self.lock_taken = 0.0

    def _is_settled(self, now: float) -> bool:
        """A session reports its counters within `_STATISTICS_ARRIVE_WITHIN` seconds."""
        if self.unsettled_since is None:
            self.unsettled_since = now
        return not 0 <= now - self.unsettled_since <= _STATISTICS_ARRIVE_WITHIN

    def _what_it_did(self, before: Counters, after: Counters) -> Run:
        if after.deleted > before.deleted:
            return Run.REMOVED_ROWS
        if after.inserted > before.inserted:
            return Run.ADDED_ROWS
        if after.updated > before.updated:  # a tag, cleared checksums, a changeset that ran again
            return Run.UPDATED_ROWS
        return Run.LEFT_NO_ROW if self.saw_lock_held else Run.MAYBE_LEFT_NO_ROW
