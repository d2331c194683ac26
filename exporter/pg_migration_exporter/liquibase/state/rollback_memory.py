"""What is remembered about transactions that were rolled back, to know how many a run did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pg_migration_exporter.liquibase.history.rollbacks import RolledBack, Transactions

#: Seconds within which a session that is connected may already belong to the next run: it rolls
#: some transactions back before it takes the lock.
_STARTING = 60.0
#: Seconds for which other sessions count as a disturbance that rolled something back.
_DISTURBED_FOR = 600.0


@dataclass(slots=True)
class RollbackMemory:
    """The counters of a database, of before the run that ends next; durable.

    Times are the server's, in seconds since the epoch. `before` is None if it is not known.
    """

    before: Transactions | None = None
    #: When a session that stays connected last rolled something back outside of a run.
    disturbed_at: float | None = None
    latest: Transactions | None = None
    #: Counters that become `before` when they are old enough, and since when they are known.
    following: Transactions | None = None
    following_since: float = 0.0

    def record_quiet(self, found: Transactions | None, now: float, *, connected: bool) -> None:
        """Record the counters while nothing runs; `connected`: a session may begin a run."""
        latest, self.latest = self.latest, found
        if found is None:
            self.restart(None)
            return
        if latest is not None and found.is_disturbed_since(latest):
            self.disturbed_at = now
        if self.before is None or found.is_reset_since(self.before) or not connected:
            self.restart(found)
        elif self.following is None:
            self.following, self.following_since = found, now
        elif not 0 <= now - self.following_since < _STARTING:
            self.before = self.following
            self.following, self.following_since = found, now

    def end_run(self, found: Transactions | None, now: float, *, connected: bool) -> None:
        """Count from here, unless a session is connected that may have begun the next run."""
        if not connected or found is None or self.before is None:
            self.restart(found)
        else:
            self.latest = self.following = found
            self.following_since = now

    def restart(self, found: Transactions | None) -> None:
        """Count from here."""
        self.before = self.latest = found
        self.following = None

    def since(self, found: Transactions | None, now: float) -> RolledBack | None:
        """Return what was rolled back since before the run; None if that is not known."""
        if found is None or self.before is None or found.is_reset_since(self.before):
            return None
        disturbed_at = self.disturbed_at
        is_quiet = disturbed_at is None or not 0 <= now - disturbed_at < _DISTURBED_FOR
        return RolledBack(
            found.rolled_back - self.before.rolled_back,
            is_alone=is_quiet and found.sessions - self.before.sessions == 1,
        )

    def dump(self) -> dict[str, Any]:
        """Return everything, as JSON."""
        return asdict(self)

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> RollbackMemory:
        """Restore from `dump`. Raises TypeError for invalid data."""
        known = {name: state.get(name) for name in ("before", "latest", "following")}
        counters = {name: Transactions(**value) if value else None for name, value in known.items()}
        return cls(**{**state, **counters})
