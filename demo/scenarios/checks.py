"""Faults that the checks of examples/quest/checks.yaml find after a release."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from demo.scenarios.fault import Fault
from demo.world import World

_SET_ASIDE = """
ALTER TABLE gameplay.quest_definitions RENAME TO quests_set_aside;
CREATE TABLE gameplay.quest_definitions (LIKE gameplay.quests_set_aside INCLUDING ALL)
"""
_PUT_BACK = """
DROP TABLE gameplay.quest_definitions;
ALTER TABLE gameplay.quests_set_aside RENAME TO quest_definitions
"""


@contextmanager
def _table_replaced(world: World) -> Iterator[None]:
    """Replace the table by an empty copy, whose indexes have other names."""
    world.database.execute(_SET_ASIDE)
    yield
    world.database.execute(_PUT_BACK)


@contextmanager
def _check_refused(world: World) -> Iterator[None]:
    """Revoke a privilege on a catalog that a check reads."""
    world.database.execute("REVOKE SELECT ON pg_constraint FROM PUBLIC")
    yield
    world.database.execute("GRANT SELECT ON pg_constraint TO PUBLIC")


TABLE_REPLACED = Fault(
    "table of the release is replaced",
    frozenset({"MigrationCheckFailed", "MigrationCheckWarning"}),
    _table_replaced,
)
CHECK_REFUSED = Fault(
    "check may not read a catalog", frozenset({"MigrationCheckUnknown"}), _check_refused
)
