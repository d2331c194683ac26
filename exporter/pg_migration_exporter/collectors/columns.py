"""Families that are one column of a statistics view each, declared as a table.

The help texts of a view's families stand in one mapping, the expressions that give their values in
another, because expressions change from version to version and what they mean does not.
"""

from __future__ import annotations

from collections.abc import Mapping

from pg_migration_exporter.families import Family


def families(prefix: str, labels: tuple[str, ...], helps: Mapping[str, str]) -> tuple[Family, ...]:
    """A family `<prefix>_<name>` for each name: a counter if it ends in `_total`, else a gauge."""
    return tuple(
        Family(f"{prefix}_{name}", "counter" if name.endswith("_total") else "gauge", text, labels)
        for name, text in helps.items()
    )


def select_list(prefix: str, expressions: Mapping[str, str]) -> str:
    """The SELECT list that gives these families their values: SQL expressions by name."""
    return ",\n       ".join(
        f"{expression} as {prefix}_{name}" for name, expression in expressions.items()
    )
