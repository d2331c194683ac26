"""Families that are one column of a statistics view each, declared as a table.

The help texts of a view's families stand in one mapping, the expressions that give their values in
another, because expressions change from version to version and what they mean does not.
"""

from __future__ import annotations

from collections.abc import Mapping

from pg_migration_exporter.metrics.families import Family


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


def not_negative(expression: str) -> str:
    """A difference that clocks, or the time between two looks, may make negative: then zero.

    greatest(..., 0) would make zero of null too.
    """
    return f"case when {expression} < 0 then 0 else {expression} end"


def age(moment: str) -> str:
    """Seconds since a moment of the server's clock, which may have been set back since."""
    return not_negative(f"extract(epoch from clock_timestamp() - {moment})::float8")
