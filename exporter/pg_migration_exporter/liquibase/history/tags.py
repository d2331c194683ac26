"""The tags of a history: the latest ones by name, all others by number."""

from __future__ import annotations

from array import array

from pg_migration_exporter.config.limits import MAX_TAGS


class Tags:
    """`add` tags with their ORDEREXECUTED; a tag may be added again."""

    __slots__ = ("_hashes", "_number", "_orders")

    def __init__(self) -> None:
        self._orders: dict[str, int] = {}
        self._hashes = array("q")
        self._number: int | None = 0

    def add(self, tag: str, order: int) -> None:
        """Add a tag of a row."""
        self._hashes.append(hash(tag))
        self._number = None
        self._orders[tag] = max(order, self._orders.get(tag, order))
        if len(self._orders) > 2 * MAX_TAGS:
            self._orders = {tag: self._orders[tag] for tag in self.latest(MAX_TAGS)}

    def __len__(self) -> int:
        """Return how many different tags there are."""
        if self._number is None:
            different = set(self._hashes)
            self._number, self._hashes = len(different), array("q", different)
        return self._number

    def latest(self, limit: int) -> list[str]:
        """Return the tags of the latest rows, the last one first."""
        return sorted(self._orders, key=self._orders.__getitem__, reverse=True)[:limit]
