"""Compares what is there with what is expected: no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pg_migration_exporter.formatting import count
from pg_migration_exporter.gate.check import Finding, failed, passed, unknown
from pg_migration_exporter.gate.expect.model import Aspect, Expectation

#: The definitions of an aspect by table and name; null for what cannot be read now.
Found = dict[str, dict[str, str | None]]


def by_table(rows: Sequence[Mapping[str, Any]]) -> Found:
    """Return the rows of `QUERIES` by table and name."""
    found: Found = {}
    for row in rows:
        found.setdefault(row["relname"], {})[row["name"]] = row["definition"]
    return found


def compare(expectation: Expectation, aspect: Aspect, rows: Sequence[Mapping[str, Any]]) -> Finding:
    """Return whether everything is as expected. Of grants, nothing more may be there."""
    found, is_exact = by_table(rows), aspect == "grants"
    expected = {
        name: definitions
        for name, table in expectation.tables.items()
        if (definitions := table.definitions(aspect)) is not None
    }
    differences: list[str] = []
    locked: list[str] = []
    for table, definitions in expected.items():
        there = found.get(table, {})
        differences += _differences(table, definitions, there, is_exact=is_exact)
        locked += [table for name in definitions if there.get(name, "") is None][:1]
    if differences:
        return failed("; ".join(differences))
    if locked:
        return unknown(f"locked, so their definitions cannot be read: {', '.join(locked)}")
    number = sum(map(len, expected.values()))
    return passed(f"{count(number, 'definition')} in {count(len(expected), 'table')}, as expected")


def _differences(
    table: str, expected: Mapping[str, str], found: Mapping[str, str | None], *, is_exact: bool
) -> Iterator[str]:
    for name, definition in expected.items():
        if name not in found:
            yield f"{table}.{name} is missing"
        elif found[name] is not None and found[name] != definition:
            yield f"{table}.{name} is {found[name]}, not {definition}"
    if is_exact:
        for name in found.keys() - expected.keys():
            yield f"{table}: {name} has {found[name]}, which is not expected"
