"""What a values file may hold: frozen, nothing extra, and one type for each unit."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pg_migration_exporter.bundle.alertmanager_schema import Alertmanager
from pg_migration_exporter.bundle.kubernetes_schema import Kubernetes
from pg_migration_exporter.bundle.log_schema import Logs
from pg_migration_exporter.bundle.types import Duration, JobName, Model, OneLine, PositiveDuration

# Prometheus, "Data model": a label name; those that begin with __ are Prometheus' own.
_LABEL_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_LABELS_SET_ELSEWHERE = {"alertname", "severity"}


def _label_name(name: str) -> str:
    if not _LABEL_NAME.fullmatch(name):
        raise ValueError("a label name has letters, digits and _ and begins with no digit or __")
    if name in _LABELS_SET_ELSEWHERE:
        raise ValueError("set by the rule itself; change the alert's severity key for severity")
    return name


def _url(text: str) -> str:
    if not text or not text.isprintable() or re.search(r"[\s?#]", text):
        raise ValueError("write a URL or path without spaces, ? and #")
    return text.rstrip("/")


Seconds = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
#: A share of a whole, without its ends: nothing is always above 0 or ever above 1.
Ratio = Annotated[float, Field(strict=True, gt=0, lt=1)]
LabelName = Annotated[str, AfterValidator(_label_name)]
Url = Annotated[str, AfterValidator(_url)]
#: Becomes part of an expression, so that quoting must not be needed.
CollectorName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Urls(Model):
    """Where the links of an alert lead."""

    runbooks: Url
    dashboard: Url


class Prometheus(Model):
    """What the rules must know of the Prometheus that runs them."""

    job: JobName
    interval: PositiveDuration | None


class Alert(Model):
    """What every alert has; the subclasses add the numbers of their expressions."""

    for_: Duration = Field(alias="for")
    severity: Literal["critical", "high", "warning", "info"]
    labels: dict[LabelName, OneLine]


class SecondsAlert(Alert):
    """An alert on a time."""

    threshold: Seconds


class RatioAlert(Alert):
    """An alert on a used share."""

    threshold: Ratio


class QuantileAlert(SecondsAlert):
    """An alert on a quantile of a histogram over a window."""

    quantile: Ratio
    window: PositiveDuration


class BlindAlert(Alert):
    """An alert on collectors that say nothing."""

    collectors: Annotated[list[CollectorName], Field(min_length=1)]


class Alerts(Model):
    """One field for each alert, named as the alert."""

    DatabaseMigrationFailed: Alert
    DatabaseQueryLatencyHigh: QuantileAlert
    DatabaseConnectionPoolExhausted: RatioAlert
    DatabaseIndexBuildSlow: SecondsAlert
    DatabaseReplicationLagHigh: SecondsAlert
    PostgresDown: Alert
    MigrationExporterDown: Alert
    MigrationExporterBlind: BlindAlert


class Values(Model):
    """A whole values file, merged with the defaults."""

    urls: Urls
    prometheus: Prometheus
    alerts: Alerts
    logs: Logs
    alertmanager: Alertmanager
    kubernetes: Kubernetes
