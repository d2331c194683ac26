"""The schema of custom metrics: SQL statements and their metric families.

They are in `custom_metrics` of the configuration, or in files that it lists
(docs/custom-metrics.md).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from pg_migration_exporter.config.section import Section
from pg_migration_exporter.config.user_statement import (
    UserStatement,
    read_statements,
    refuse_repeated_names,
)
from pg_migration_exporter.config.yaml_file import Location
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.metrics.families import Family

#: Labels that the exporter or Prometheus sets.
_RESERVED_LABELS = ("datname", "le", "quantile", "job", "instance")


def _check_family_name(value: str) -> str:
    if not re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", value):
        raise ValueError("not a metric name; use letters, digits and _; a digit cannot be first")
    return value


def _check_label(value: str) -> str:
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", value) or value.startswith("__"):
        raise ValueError(
            "not a label name; use letters, digits and _; a digit or __ cannot be first"
        )
    if value in _RESERVED_LABELS:
        raise ValueError(f"the label {value} is set by the exporter or by Prometheus; rename it")
    return value


def _check_buckets(value: tuple[float, ...]) -> tuple[float, ...]:
    if not all(map(isfinite, value)) or any(a >= b for a, b in pairwise(value)):
        raise ValueError("bounds must be finite and increasing; the exporter adds +Inf")
    return value


FamilyName = Annotated[str, AfterValidator(_check_family_name)]
Label = Annotated[str, AfterValidator(_check_label)]


class CustomFamily(Section):
    """One metric family; `buckets` are the bounds of a histogram, whose rows are observations."""

    type: Literal["counter", "gauge", "histogram"]
    help: str = Field(min_length=1)
    labels: tuple[Label, ...] = ()
    buckets: Annotated[tuple[float, ...], AfterValidator(_check_buckets)] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("labels: each name can be used once")
        if self.buckets and self.type != "histogram":
            raise ValueError(f"buckets: only for a histogram, not for a {self.type}")
        return self


class CustomMetrics(UserStatement):
    """One statement and its families."""

    metrics: dict[FamilyName, CustomFamily] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, family in self.metrics.items():
            if family.type == "counter" and not name.endswith("_total"):
                raise ValueError(f"metrics.{name}: the name of a counter must end in _total")
        return self


class CustomMetricsFile(BaseModel, extra="forbid", frozen=True):
    """A file of custom metrics."""

    custom_metrics: tuple[CustomMetrics, ...] = ()


def read_custom_metrics(
    patterns: Collection[Path], directory: Path
) -> Iterator[tuple[Location, CustomMetrics]]:
    """Read the files that match, as `read_statements` does."""
    return read_statements(CustomMetricsFile, "custom_metrics", CustomMetrics, patterns, directory)


def occupied_names(family: Family) -> tuple[str, ...]:
    """Return the names that no other family may have.

    Its own, those of its series, and for OpenMetrics that of a counter without its suffix.
    """
    own = family.name
    short = own.removesuffix("_total") if family.type == "counter" else own
    return tuple(dict.fromkeys((own, short, *family.series)))


def refuse_taken_names(
    found: Collection[tuple[Location, CustomMetrics]], taken: Collection[str]
) -> None:
    """Raise ConfigError for a name that the exporter or another statement uses."""
    refuse_repeated_names(found)
    owners = dict.fromkeys(taken, "the exporter itself")
    for location, statement in found:
        for name, family in statement.metrics.items():
            for taken_name in occupied_names(Family(name, family.type, family.help)):
                if taken_name in owners:
                    where = location.child("metrics", name)
                    raise ConfigError(
                        f"{where}: {taken_name} is a metric of {owners[taken_name]}; rename it"
                    )
                owners[taken_name] = f"the statement {statement.name}"
