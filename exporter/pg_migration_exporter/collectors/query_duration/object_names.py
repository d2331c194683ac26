"""Names of databases and roles, read again only when one is missing or after a minute.

Counters of a database are dropped when it has been missing for longer than the lookback of
Prometheus: if it is dropped and created again at once, as in a test, its series do not decrease.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Set

_VALID_SECONDS = 60.0
_LOOKBACK_SECONDS = 300.0


class ObjectNames:
    """Names by OID."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._databases: dict[int, str] = {}
        self._roles: dict[int, str] = {}
        self._requested: Set[int] = frozenset()
        self._valid_until = 0.0
        self._seen_at: dict[str, float] = {}

    def are_current(self, oids: Set[int]) -> bool:
        """Return whether the names of these OIDs need not be read again."""
        return oids <= self._requested and self._clock() < self._valid_until

    def update(self, rows: Iterable[tuple[str, int, str]], requested: Set[int]) -> None:
        """Store the rows of `sql.NAMES`; an OID of `requested` without a row was dropped."""
        rows = list(rows)
        self._databases = {oid: name for kind, oid, name in rows if kind == "database"}
        self._roles = {oid: name for kind, oid, name in rows if kind == "role"}
        self._requested = requested
        now = self._clock()
        self._valid_until = now + _VALID_SECONDS
        self._seen_at |= dict.fromkeys(self._databases.values(), now)

    def pop_dropped(self) -> set[str]:
        """Return the databases that were dropped minutes ago, each only once."""
        oldest = self._clock() - _LOOKBACK_SECONDS - _VALID_SECONDS
        dropped = {name for name, seen_at in self._seen_at.items() if seen_at < oldest}
        for name in dropped:
            del self._seen_at[name]
        return dropped

    def database(self, oid: int) -> str | None:
        """Return the name of a database, None if it was dropped."""
        return self._databases.get(oid)

    def role(self, oid: int) -> str:
        """Return the name of a role, its OID if it was dropped."""
        return self._roles.get(oid, f"oid {oid}")
