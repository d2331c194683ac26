"""Which tables are histories, and which lock belongs to each."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import FrameType

from pg_migration_exporter.liquibase.history.pairs import TableRules, original_of, pair_tables
from pg_migration_exporter.liquibase.history.tables import Table
from pg_migration_exporter.postgres.guarded_table import Owner

ADMIN = Owner(10, "postgres", is_trusted=True)


def table(name: str, *, is_original: bool = True) -> Table:
    schemaname, relname = name.split(".")
    is_lock = relname.endswith(("lock", "guard"))
    return Table(len(name), schemaname, relname, name, is_lock, is_original, True, ADMIN, ADMIN)


def pairs(*names: str, rules: TableRules | None = None) -> dict[str, str | None]:
    found = pair_tables(map(table, names), rules or TableRules())
    return {pair.name: pair.lock.name if pair.lock else None for pair in found}


DEFAULT = ("a.databasechangelog", "a.databasechangeloglock")


def test_a_history_has_the_lock_named_after_it() -> None:
    assert pairs(*DEFAULT, "a.x", "a.xlock") == {
        "a.databasechangelog": DEFAULT[1],
        "a.x": "a.xlock",
    }


def test_the_history_and_the_lock_that_are_left_belong_together() -> None:
    assert pairs(*DEFAULT, "a.x", "a.guard") == {
        "a.databasechangelog": DEFAULT[1],
        "a.x": "a.guard",
    }


def test_histories_may_share_the_default_lock() -> None:
    assert pairs(*DEFAULT, "a.x", "a.y")["a.x"] == DEFAULT[1]


def test_a_lock_that_is_missing_ambiguous_or_elsewhere() -> None:
    assert pairs("a.x") == {"a.x": None}
    assert pairs("a.x", "a.1guard", "a.2guard") == {"a.x": None}
    assert pairs("a.x", *(name.replace("a.", "b.") for name in DEFAULT))["a.x"] is None


def test_a_configured_lock() -> None:
    rules = TableRules(locks={"a.x": "b.guard"})
    assert pairs("a.x", "a.1guard", "b.guard", rules=rules) == {"a.x": "b.guard"}


def test_excluded_tables_and_the_history_of_commands() -> None:
    rules = TableRules(exclude=("*.old_*",))
    assert pairs(*DEFAULT, "a.databasechangeloghistory", "a.old_x", rules=rules) == {
        DEFAULT[0]: DEFAULT[1]
    }


def test_a_copy_has_nullable_columns_or_the_same_first_row() -> None:
    copy = table("a.copy", is_original=False)
    found = pair_tables([*map(table, DEFAULT), copy], TableRules())
    assert [pair.name for pair in found] == [DEFAULT[0]]
    assert [pair.name for pair in pair_tables([copy], TableRules())] == ["a.copy"]

    found = pair_tables([*map(table, DEFAULT), replace(copy, is_original=True)], TableRules())
    same = {pair.name: "a row" for pair in found}
    assert original_of(found[0].history, same, found) == DEFAULT[0]
    assert original_of(found[0].history, same | {"a.copy": "another"}, found) is None


def calls_to_pair(schemas: int) -> int:
    """How many functions are called to pair the tables of so many schemas."""
    found = [
        table(name.replace("a.", f"s{number}.")) for number in range(schemas) for name in DEFAULT
    ]
    called = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal called
        called += event == "call"

    sys.setprofile(count)
    try:
        assert len(pair_tables(found, TableRules())) == schemas
    finally:
        sys.setprofile(None)
    return called


def test_pairing_many_tables_takes_linear_time() -> None:
    """Anybody may create a thousand: the event loop stood still for half a second a poll."""
    assert calls_to_pair(200) < 3 * calls_to_pair(100)
