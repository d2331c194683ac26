"""The model of the rules' part of a values file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from pg_migration_exporter.bundle.types import (
    AlertName,
    Duration,
    JobName,
    LabelName,
    Model,
    OneLine,
    PositiveDuration,
    Rate,
    Ratio,
    Seconds,
    Url,
)
from pg_migration_exporter.latency.histogram import BOUNDS


class Urls(Model):
    """The targets of links in alerts and dashboards."""

    runbooks: Url
    dashboard: Url
    alertmanager: Url
    status: Url


class Memory(Model):
    """How long the last sample counts, when scrapes are lost."""

    brief: PositiveDuration
    value: PositiveDuration
    state: PositiveDuration
    outage: PositiveDuration


class Prometheus(Model):
    """The Prometheus that runs the rules."""

    job: JobName
    interval: PositiveDuration | None
    identity: Annotated[list[LabelName], Field(min_length=1)]
    memory: Memory
    labels: dict[LabelName, OneLine]


def _bound(seconds: float) -> float:
    if seconds not in BOUNDS:
        raise ValueError(f"use a bound of the histogram: {BOUNDS}")
    return seconds


class Slo(Model):
    """The objective of the query latency; `latency` must be a bound of the histogram."""

    objective: Ratio
    traffic: Rate
    databases: OneLine
    latency: Annotated[Seconds, AfterValidator(_bound)]


class Alert(Model):
    """What every alert has; each adds the values of its expression."""

    enabled: bool = True
    for_: Duration = Field(alias="for")
    keep_firing_for: PositiveDuration | None = None
    severity: Literal["critical", "high", "warning", "info", "none"]
    labels: dict[LabelName, OneLine] = Field(default={})
    annotations: dict[LabelName, OneLine] = Field(default={})


class Alerts(Model):
    """An entry for each alert, named as the alert; the fields come from the alerts' files."""

    def entry(self, name: str) -> dict[str, Any]:
        """Return the values of an alert, as a values file has them."""
        entry: Alert = getattr(self, name)
        return entry.model_dump(by_alias=True)


class Verdict(Model):
    """What forbids a migration to start or to go on; the lists are names of alerts."""

    states: list[AlertName]
    abort: list[AlertName]
    hold: Annotated[list[AlertName], Field(min_length=1)]
    confirm: PositiveDuration
    quiet: PositiveDuration
    databases: OneLine
    min_statements: Annotated[int, Field(ge=1)]
