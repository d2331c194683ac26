"""The changesets that a run reported as recorded, in eight bytes each."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable


class RecordedChangesets:
    """Which changesets (path::id::author) they are can be asked; their identities are not kept."""

    __slots__ = ("_hashes",)

    def __init__(self, identities: Iterable[str] = ()) -> None:
        self._hashes = array("q", map(hash, identities))

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecordedChangesets) and self._hashes == other._hashes

    def __hash__(self) -> int:
        return hash(self._hashes.tobytes())

    def include_any(self, identities: Iterable[str]) -> bool:
        """Return whether one of these is among them."""
        return not set(self._hashes).isdisjoint(map(hash, identities))

    @staticmethod
    def include_all(parts: Iterable[RecordedChangesets], identities: Collection[str]) -> bool:
        """Return whether each of these identities is in one of the parts."""
        known: set[int] = set()
        for part in parts:
            known.update(part._hashes)
        return known.issuperset(map(hash, identities))
