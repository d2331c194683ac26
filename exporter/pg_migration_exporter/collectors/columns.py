"""Families that are one column of a statement each: declared as a table, and read by name.

The help texts of a view's families stand in one mapping, the expressions that give their values in
another, because expressions change from version to version and what they mean does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, get_args

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.config.limits import What
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.rows import Rows


def families(prefix: str, labels: tuple[str, ...], helps: Mapping[str, str]) -> tuple[Family, ...]:
    """Make a family `<prefix>_<name>` of each name: a counter if it ends in `_total`."""
    return tuple(
        Family(f"{prefix}_{name}", "counter" if name.endswith("_total") else "gauge", text, labels)
        for name, text in helps.items()
    )


def select_list(prefix: str, expressions: Mapping[str, str]) -> str:
    """Return the SELECT list of these families; `expressions` are SQL by name."""
    return ",\n       ".join(
        f"{expression} as {prefix}_{name}" for name, expression in expressions.items()
    )


def not_negative(expression: str) -> str:
    """Return SQL that is zero for a negative difference: clocks are set back, positions move.

    greatest(..., 0) would make zero of null too.
    """
    return f"case when {expression} < 0 then 0 else {expression} end"


def age(moment: str) -> str:
    """Return SQL for the seconds since a time of the server's clock, which may be set back."""
    return not_negative(f"extract(epoch from clock_timestamp() - {moment})::float8")


async def collect_columns(context: RunContext[Any]) -> None:
    """Run every query that this server supports, in one round trip, and read its columns."""
    queries = [query for query in context.queries if query.runs_on(context.capabilities)]
    answers = (context.query(query, *context.parameters) for query in queries)
    for rows in await asyncio.gather(*answers):
        read_columns(rows, context)


def read_columns(rows: Rows, context: RunContext[Any]) -> None:
    """Read the columns of one answer that are named after families of the collector.

    Columns named after a family's labels are its labels; each row is a sample, a null value is
    none. Labels are put together once for all families that share them. A column `more_<WHAT>` is
    how many of these are not among the rows.
    """
    columns = rows.by_column()
    for what in get_args(What):
        context.bounds.leave_out(what, max(columns.get(f"more_{what}", (0,))))
    labels: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for name, samples in context.families.items():
        if name not in columns:
            continue
        family = samples.family
        if family.labels not in labels:
            of_each = zip(*(columns[label] for label in family.labels), strict=True)
            labels[family.labels] = list(of_each) if family.labels else [()] * len(rows.rows)
        context.add_column(family, labels[family.labels], columns[name])
