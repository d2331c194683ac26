"""Faults that only the game's business metrics show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from demo.scenarios.fault import Fault
from demo.world import World

_INVALID = (
    "INSERT INTO quest_validation_error (reason)"
    " SELECT 'reward without item' FROM generate_series(1, 3)"
)
_TOO_HARD = (
    "UPDATE quest_attempt SET outcome = 'abandoned' WHERE outcome = 'completed' RETURNING id"
)
_EASY_AGAIN = "UPDATE quest_attempt SET outcome = 'completed' WHERE id = ANY (%s)"


@contextmanager
def _import_invalid(world: World) -> Iterator[None]:
    """Record rejected quests, for a new reason."""
    world.database.execute(_INVALID)
    yield


@contextmanager
def _too_hard(world: World) -> Iterator[None]:
    """Turn completed quests into abandoned ones."""
    changed = [row[0] for row in world.database.execute(_TOO_HARD)]
    yield
    world.database.execute(_EASY_AGAIN, [changed])


IMPORT_INVALID = Fault(
    "import brings invalid quests", frozenset({"QuestValidationErrors"}), _import_invalid
)
QUESTS_TOO_HARD = Fault(
    "quests have become too hard",
    frozenset({"QuestCompletionRateLow", "QuestAbandonmentRateHigh"}),
    _too_hard,
)
