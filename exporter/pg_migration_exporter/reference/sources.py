"""The views and server versions of a family, from the SQL that has a column of its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from pg_migration_exporter.collectors import Collector
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.capabilities import OLDEST_SUPPORTED
from pg_migration_exporter.postgres.query import Query


def sources_of(family: Family, collector: Collector[Any]) -> list[str]:
    """Return those of the collector's sources that its column uses, else those of its statement."""
    variants = [text for _, text in _variants(family, collector)]
    of_column = [source for source in collector.sources if _uses(source, family, variants)]
    named = [source for source in collector.sources if _mentions("\n".join(variants), source)]
    return of_column or named or list(collector.sources)


def versions_of(family: Family, collector: Collector[Any]) -> str:
    """Return the servers that have it: `14+`, `16 to 17`, `14+, standby`; `any` without SQL."""
    if not collector.queries:
        return "any"
    queries = [query for query in collector.queries if _has(query, family)] or collector.queries
    versions = {version for query in queries for version in query.variants}
    having = {version for version, _ in _variants(family, collector)} or versions
    without = [version for version in versions if version > max(having)]
    last = f" to {_major(min(without)) - 1}" if without else "+"
    sides = {query.on for query in queries}
    side = "".join(f", {side}" for side in sides if side and len(sides) == 1)
    return f"{_major(min(having))}{last}{side}"


def _variants(family: Family, collector: Collector[Any]) -> Iterator[tuple[int, str]]:
    for query in collector.queries:
        for version, text in query.variants.items():
            if _is_column(family, text):
                yield version, text


def _has(query: Query, family: Family) -> bool:
    return any(_is_column(family, text) for text in query.variants.values())


def _is_column(family: Family, text: str) -> bool:
    """Return whether the text has a column of this name that is not always null."""
    columns = re.findall(rf"(\S+)\s+as {family.name}\b", text)
    return any(not column.startswith("null") for column in columns)


def _uses(source: str, family: Family, variants: Iterable[str]) -> bool:
    """Return whether the column's expression uses an alias of the source."""
    view = re.escape(source.removesuffix("()"))
    for text in variants:
        [*_, expression] = re.split(
            r"\bas \w+,|\bselect\b", text.partition(f" as {family.name}")[0]
        )
        for alias in set(re.findall(r"\b([a-z]\w*)\.", expression)):
            if re.search(rf"\b{view}(\(\)|\b[^()]*\))?\s+{alias}\b", text):
                return True
    return False


def _mentions(text: str, name: str) -> bool:
    """Return whether SQL names a view or function; `pg_stat_progress_*` matches several."""
    pattern = re.escape(name.removesuffix("()")).replace(r"\*", r"\w+")
    return re.search(rf"\b{pattern}\b", text) is not None


def _major(version: int) -> int:
    return max(version, OLDEST_SUPPORTED) // 10000
