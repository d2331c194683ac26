"""The types of an alert's own values: one for each unit."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from pg_migration_exporter.bundle.types import (
    CollectorName,
    Count,
    Factor,
    JobName,
    Model,
    PositiveDuration,
    Rate,
    Ratio,
    Seconds,
    Selector,
)


class BurnRate(Model):
    """A burn rate, and the windows that must both show it."""

    factor: Rate
    long: PositiveDuration
    short: PositiveDuration


TypeName = Literal[
    "bytes",
    "burn_rates",
    "collectors",
    "count",
    "duration",
    "factor",
    "job",
    "rate",
    "ratio",
    "seconds",
    "selector",
    "tls_version",
]
#: `type` in an alert's file -> the type of the value in a values file.
TYPES: dict[TypeName, Any] = {
    "bytes": Count,
    "burn_rates": Annotated[list[BurnRate], Field(min_length=1)],
    "collectors": Annotated[list[CollectorName], Field(min_length=1)],
    "count": Count,
    "duration": PositiveDuration,
    "factor": Factor,
    "job": JobName,
    "rate": Rate,
    "ratio": Ratio,
    "seconds": Seconds,
    "selector": Selector,
    "tls_version": Literal["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"],
}


class AlertValue(Model):
    """A value of an alert: its type, its default, and what it means to users."""

    type: TypeName
    default: Any
    description: str

    @model_validator(mode="after")
    def _default_has_the_type(self) -> Self:
        _adapter(self.type).validate_python(self.default)
        return self


@cache
def _adapter(name: TypeName) -> TypeAdapter[Any]:
    return TypeAdapter(TYPES[name])
