"""How many changesets the histories of a database may have in memory, all together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from pg_migration_exporter.errors import UnfitAnswerError

#: Characters of an identity that count as one changeset: a longer one counts as several.
_CHARACTERS = 150


class TooManyChangesetsError(UnfitAnswerError):
    """A history does not fit in what is left of `limits.changesets`."""


@dataclass(slots=True)
class HistoryRoom:
    """What is left for the changesets that are read in one poll.

    Histories take it one after the other, so that a large one does not keep others from fitting.
    """

    free: int
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def take(self, changesets: int) -> None:
        """Use it for so many. Raises TooManyChangesetsError."""
        if changesets > self.free:
            raise TooManyChangesetsError("more changesets than limits.changesets")
        self.free -= changesets


def size_of(identity: str) -> int:
    """Return how many changesets this one counts as."""
    return 1 + len(identity) // _CHARACTERS
