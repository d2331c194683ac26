"""Names of databases and roles: asked for again only when one is missing, or after a minute.

What was counted of a database goes when the database has been gone for longer than Prometheus looks
back: one that is dropped and made again in a moment, as by a test, does not make its series fall.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Set

_VALID_FOR = 60.0
_LOOKED_BACK = 300.0


class Names:
    """Names by oid."""

    def __init__(self) -> None:
        self._databases: dict[int, str] = {}
        self._roles: dict[int, str] = {}
        self._known: Set[int] = frozenset()
        self._until = 0.0
        self._seen_at: dict[str, float] = {}

    def cover(self, oids: Set[int]) -> bool:
        """Whether nothing has to be asked for these."""
        return oids <= self._known and time.monotonic() < self._until

    def learn(self, rows: Iterable[tuple[str, int, str]], asked: Set[int]) -> None:
        """Take the rows of `sql.NAMES`; who is in `asked` and not in them is gone."""
        rows = list(rows)
        self._databases = {oid: name for kind, oid, name in rows if kind == "database"}
        self._roles = {oid: name for kind, oid, name in rows if kind == "role"}
        self._known = asked
        now = time.monotonic()
        self._until = now + _VALID_FOR
        self._seen_at |= dict.fromkeys(self._databases.values(), now)

    def long_gone(self) -> set[str]:
        """Databases that were dropped minutes ago; each is told once."""
        oldest = time.monotonic() - _LOOKED_BACK - _VALID_FOR
        gone = {name for name, at in self._seen_at.items() if at < oldest}
        for name in gone:
            del self._seen_at[name]
        return gone

    def database(self, oid: int) -> str | None:
        """None if it was dropped."""
        return self._databases.get(oid)

    def role(self, oid: int) -> str:
        """The name; of a dropped role its number."""
        return self._roles.get(oid, f"oid {oid}")
