"""How dashboards show the state of a migration: numbers, mapped to texts and colors."""

from __future__ import annotations

from typing import NamedTuple

from pg_migration_exporter.liquibase.state.texts import STATES, label


class ValueMapping(NamedTuple):
    """The text and the color that stand for a number."""

    text: str
    color: str


#: The states by their numbers: the worst has the highest.
_BY_NUMBER = sorted(STATES.items(), key=lambda item: item[1].number)


def state_mappings() -> dict[int, ValueMapping]:
    """Return the text and the color of each state's number."""
    return {text.number: ValueMapping(label(state), text.color) for state, text in _BY_NUMBER}


def state_number(matchers: str) -> str:
    """Return an expression for the number of the state of each changelog that `matchers` select."""
    return "\n  or ".join(
        f'liquibase_migration_status{{status="{state}", {matchers}}} * {text.number}'
        for state, text in _BY_NUMBER
    )
