"""The model of a values file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import (
    Field,
    SerializeAsAny,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    create_model,
    field_validator,
)

from pg_migration_exporter.bundle.alert_files import AlertFile, alerts_by_name
from pg_migration_exporter.bundle.alert_schema import (
    Alert,
    Alerts,
    Prometheus,
    Slo,
    Urls,
    Verdict,
)
from pg_migration_exporter.bundle.alert_value import TYPES
from pg_migration_exporter.bundle.alertmanager_schema import Alertmanager
from pg_migration_exporter.bundle.kubernetes_schema import Kubernetes
from pg_migration_exporter.bundle.log_schema import Logs
from pg_migration_exporter.bundle.types import ExistingFolder, Model


class Values(Model):
    """A whole values file, merged with the defaults."""

    alert_folders: tuple[ExistingFolder, ...]
    dashboard_folders: tuple[ExistingFolder, ...]
    urls: Urls
    prometheus: Prometheus
    slo: Slo
    alerts: SerializeAsAny[Alerts]
    verdict: Verdict
    logs: Logs
    alertmanager: Alertmanager
    kubernetes: Kubernetes

    @field_validator("alerts", mode="wrap")
    @classmethod
    def _alerts_of_the_folders(
        cls, value: object, _: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> Alerts:
        return alerts_model(info.data.get("alert_folders", ())).model_validate(value)

    @field_validator("verdict")
    @classmethod
    def _alerts_of_the_verdict_exist(cls, verdict: Verdict, info: ValidationInfo) -> Verdict:
        known = alerts_by_name(info.data.get("alert_folders", ()))
        if unknown := sorted({*verdict.states, *verdict.abort, *verdict.hold} - known.keys()):
            raise ValueError(f"no alert of the name {', '.join(unknown)}")
        return verdict


@cache
def values_model(folders: tuple[Path, ...]) -> type[Values]:
    """Return the model of values whose alerts are those of the bundle and of these folders."""
    return create_model(
        "Values", __base__=Values, __doc__=Values.__doc__, alerts=(alerts_model(folders), ...)
    )


@cache
def alerts_model(folders: tuple[Path, ...]) -> type[Alerts]:
    """Return the model of the part `alerts`. Raises ConfigError for a broken file of an alert."""
    fields: dict[str, Any] = {
        name: (_alert_model(name, alert), ...) for name, alert in alerts_by_name(folders).items()
    }
    return create_model("Alerts", __base__=Alerts, __doc__="An entry for each alert.", **fields)


def _alert_model(name: str, alert: AlertFile) -> type[Alert]:
    fields: dict[str, Any] = {
        key: (TYPES[value.type], Field(description=value.description))
        for key, value in alert.values.items()
    }
    return create_model(f"{name}Alert", __base__=Alert, __doc__=alert.summary, **fields)
