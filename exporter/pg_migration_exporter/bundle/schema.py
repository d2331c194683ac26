"""What a values file may hold: frozen, nothing extra, and one type for each unit."""

from __future__ import annotations

from pg_migration_exporter.bundle.alert_schema import (
    Alerts,
    Baseline,
    Prometheus,
    Slo,
    Urls,
    Verdict,
)
from pg_migration_exporter.bundle.alertmanager_schema import Alertmanager
from pg_migration_exporter.bundle.kubernetes_schema import Kubernetes
from pg_migration_exporter.bundle.log_schema import Logs
from pg_migration_exporter.bundle.types import ExistingFolder, Model


class Values(Model):
    """A whole values file, merged with the defaults."""

    urls: Urls
    prometheus: Prometheus
    slo: Slo
    baseline: Baseline
    alerts: Alerts
    verdict: Verdict
    logs: Logs
    alertmanager: Alertmanager
    kubernetes: Kubernetes
    dashboard_folders: tuple[ExistingFolder, ...]
