"""What a release does to the game, as its business metrics tell it."""

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
    """The quests of an import are refused, for a reason that was never seen before."""
    world.database.execute(_INVALID)
    yield


@contextmanager
def _too_hard(world: World) -> Iterator[None]:
    """Players give up what they would have completed."""
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
