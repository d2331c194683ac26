"""Custom metrics: the families of a user's statement.

A column named after a family is its value, columns named after its labels are the labels. An error
names the family, the column and what was found instead. For users: docs/custom-metrics.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from math import inf
from typing import Any

from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.user_sql import Reader, user_collector
from pg_migration_exporter.config.custom_metrics import CustomFamily, CustomMetrics
from pg_migration_exporter.errors import UnfitAnswerError
from pg_migration_exporter.metrics.families import BUCKET_LABEL, Family, Histogram, Value
from pg_migration_exporter.postgres.rows import Rows

#: Begins the name of the collector of each statement.
PREFIX = "custom_"

_Labels = tuple[str, ...]
_Samples = list[tuple[_Labels, Value]]


def custom_collector(section: CustomMetrics) -> Collector[Any]:
    """Return the collector of one statement."""
    families = tuple(_family(name, family) for name, family in section.metrics.items())
    return user_collector(
        section,
        Reader(families, partial(_read, section), _publish),
        name=PREFIX + section.name,
        help_="Custom metrics.",
        source=f"the statement {section.name} of the configuration",
    )


def _family(name: str, section: CustomFamily) -> Family:
    return Family(name, section.type, section.help, ("datname", *section.labels))


def _read(section: CustomMetrics, rows: Rows) -> dict[str, _Samples]:
    for name, family in section.metrics.items():
        if rows.more and family.type == "histogram":
            raise UnfitAnswerError(
                f"{name}: the statement returned {len(rows.rows) + rows.more} rows, and a part of "
                "them makes no histogram: aggregate them in SQL, or raise limits.custom_rows"
            )
    return {name: read_family(name, family, rows) for name, family in section.metrics.items()}


def _publish(context: RunContext[Any], result: dict[str, _Samples]) -> None:
    for family, samples in result.items():
        for labels, value in samples:
            context.families[family].add(value, context.capabilities.datname, *labels)


def read_family(name: str, section: CustomFamily, rows: Rows) -> _Samples:
    """Return the samples of one family. Raises UnfitAnswerError."""
    if section.type != "histogram":
        return _values(name, section, rows)
    return (_observed if section.buckets else _counted)(name, section, rows)


def _values(name: str, section: CustomFamily, rows: Rows) -> _Samples:
    found: dict[_Labels, Value] = {}
    for labels, (value,) in _pick(name, section, rows, name):
        if labels in found:
            raise UnfitAnswerError(f"{name}: two rows have the labels {labels}")
        if value is not None:
            found[labels] = _number(name, name, value)
    return list(found.items())


def _observed(name: str, section: CustomFamily, rows: Rows) -> _Samples:
    """Return a histogram whose observations are the rows."""
    by_labels: dict[_Labels, list[float]] = defaultdict(list)
    for labels, (value,) in _pick(name, section, rows, name):
        if value is not None:
            by_labels[labels].append(_number(name, name, value))
    bounds = (*section.buckets, inf)
    return [
        (
            labels,
            Histogram(
                tuple((bound, sum(value <= bound for value in values)) for bound in bounds),
                sum(values),
                len(values),
            ),
        )
        for labels, values in by_labels.items()
    ]


def _counted(name: str, section: CustomFamily, rows: Rows) -> _Samples:
    """Return a histogram whose rows are buckets: counts up to `le`, and the sum in each row."""
    by_labels: dict[_Labels, dict[float, float]] = defaultdict(dict)
    sums: dict[_Labels, float] = {}
    total = f"{name}_sum"
    for labels, values in _pick(name, section, rows, BUCKET_LABEL, name, total):
        columns = (BUCKET_LABEL, name, total)
        bound, count, sums[labels] = (
            _number(name, column, value) for column, value in zip(columns, values, strict=True)
        )
        by_labels[labels][bound] = count
    for labels, buckets in by_labels.items():
        counts = [buckets[bound] for bound in sorted(buckets)]
        if inf not in buckets or counts != sorted(counts):
            raise UnfitAnswerError(
                f"{name}: the counts of {labels} must not fall as le grows, and end with le = "
                "'Infinity'"
            )
    return [
        (labels, Histogram(tuple(sorted(buckets.items())), sums[labels], buckets[inf]))
        for labels, buckets in by_labels.items()
    ]


def _pick(
    name: str, section: CustomFamily, rows: Rows, *columns: str
) -> Iterable[tuple[_Labels, Sequence[Any]]]:
    """Yield the labels and the values in `columns` of each row."""
    label_indexes = [_index_of(label, name, rows) for label in section.labels]
    value_indexes = [_index_of(column, name, rows) for column in columns]
    for row in rows.rows:
        labels = tuple("" if row[index] is None else str(row[index]) for index in label_indexes)
        yield labels, [row[index] for index in value_indexes]


def _index_of(column: str, name: str, rows: Rows) -> int:
    if rows.columns.count(column) != 1:
        columns = ", ".join(rows.columns)
        raise UnfitAnswerError(f"{name}: needs one column {column}; the statement has {columns}")
    return rows.columns.index(column)


def _number(name: str, column: str, value: object) -> float:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, int | float):
        return value
    if isinstance(value, Decimal):
        return float(value)
    raise UnfitAnswerError(f"{name}: {column} holds {type(value).__name__}, not a number")
