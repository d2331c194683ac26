"""What is remembered of one changelog from look to look: the lock, and what the last run did.

The history table does not record a failure. Counters of rows written do tell (measured on Liquibase
4.28): a run updates the lock's row twice, to take and to release it; `update` adds a row for each
changeset, `rollback` deletes them; a run that failed at its first changeset adds none. Commands
with nothing to do update the lock's row once or not at all, and are no run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pg_migration_exporter.liquibase.evidence import Lock, Run

#: Seconds; PostgreSQL reports at the session's end, or when it has been idle for 10 s.
_STATISTICS_ARRIVE_WITHIN = 15.0


@dataclass(frozen=True, slots=True)
class Counters:
    """Rows ever inserted into, updated in and deleted from the history; updates of the lock."""

    inserted: int
    updated: int
    deleted: int
    locks: int

    def went_back(self, before: Counters) -> bool:
        """True after the statistics were reset, or the tables were created again."""
        return self.locks < before.locks or self.inserted < before.inserted


@dataclass(slots=True)
class Memory:
    """One changelog's past. Times are the server's, in seconds since the epoch.

    `counters` is None until the first look. Whoever saw that the tables did not exist yet passes
    zeros, so that the run which creates them counts.
    """

    counters: Counters | None = None
    last_run: Run = Run.UNKNOWN
    saw_lock_held: bool = False
    unsettled_since: float | None = None
    lock_version: str = ""
    lock_first_seen: float = 0.0
    holder_last_seen: float = 0.0

    def see_counters(self, counters: Counters, *, quiet: bool, now: float) -> None:
        """Compare with the last look, once no run is under way."""
        before = self.counters
        if before is None or counters.went_back(before):
            self._settle(counters)
        elif quiet and counters != before:
            if counters.locks - before.locks >= 2:
                self.last_run = self._what_it_did(before, counters)
                self._settle(counters)
            elif self._is_settled(now):
                self._settle(counters)

    def see_lock(
        self, *, locked: bool, locked_by: str, version: str, taken: float | None, now: float
    ) -> Lock:
        """Note the lock's row; `version` is its xmin, `taken` its commit time where it is kept."""
        self.saw_lock_held = self.saw_lock_held or locked
        if version != self.lock_version:
            self.lock_version, self.lock_first_seen, self.holder_last_seen = version, now, now
        since = taken if taken is not None else self.lock_first_seen
        return Lock(locked, locked_by, since, max(now - since, 0.0) if locked else 0.0)

    def see_holder(self, *, present: bool, now: float) -> float:
        """Note whether a session could hold the lock; for how many seconds there has been none."""
        if present:
            self.holder_last_seen = now
        return now - self.holder_last_seen

    def dump(self) -> dict[str, Any]:
        """Everything, as JSON."""
        return asdict(self)

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Memory:
        """Make it again from what `dump` returned. Raises KeyError, TypeError or ValueError."""
        counters = state["counters"]
        return cls(
            **{
                **state,
                "counters": Counters(**counters) if counters is not None else None,
                "last_run": Run(state["last_run"]),
            }
        )

    def _settle(self, counters: Counters) -> None:
        self.counters, self.unsettled_since, self.saw_lock_held = counters, None, False

    def _is_settled(self, now: float) -> bool:
        """A session reports its counters within `_STATISTICS_ARRIVE_WITHIN` seconds."""
        if self.unsettled_since is None:
            self.unsettled_since = now
        return now - self.unsettled_since > _STATISTICS_ARRIVE_WITHIN

    def _what_it_did(self, before: Counters, after: Counters) -> Run:
        if after.deleted > before.deleted:
            return Run.REMOVED_ROWS
        if after.inserted > before.inserted:
            return Run.ADDED_ROWS
        if after.updated > before.updated:  # a tag, cleared checksums, a changeset that ran again
            return Run.UPDATED_ROWS
        return Run.LEFT_NO_ROW if self.saw_lock_held else Run.MAYBE_LEFT_NO_ROW
