"""All Grafana dashboards: those of the bundle and those of the values' `dashboard_folders`.

A file `<uid>.yaml` is a dashboard; definition.py describes its keys.
"""

from __future__ import annotations

import json
from pathlib import Path

from pg_migration_exporter.bundle.alert_files import alert_groups
from pg_migration_exporter.bundle.grafana.dashboard_json import DATABASE, SERVER, dashboard_json
from pg_migration_exporter.bundle.grafana.definition import read_dashboard
from pg_migration_exporter.bundle.grafana.links import Json, PanelUrls
from pg_migration_exporter.bundle.grafana.states import state_number
from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.errors import ConfigError

_FOLDER = Path(__file__).parents[1] / "dashboards"


def dashboards(values: Values) -> dict[str, Json]:
    """Return every dashboard by its uid. Raises ConfigError."""
    context, urls = _context(values), _panel_urls(values)
    return {
        file.stem: dashboard_json(read_dashboard(file, context), urls, _log_job(values))
        for file in files(values)
    }


def uids(values: Values) -> list[str]:
    """Return the uids of the dashboards, which are the names of their files. Raises ConfigError."""
    return [file.stem for file in files(values)]


def to_json(dashboard: Json) -> str:
    """Return a dashboard as the text of a file."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def files(values: Values) -> list[Path]:
    """Return the files of all dashboards, in the order of their uids. Raises ConfigError."""
    found: dict[str, Path] = {}
    for folder in (_FOLDER, *values.dashboard_folders):
        files = [*folder.glob("*.yaml")]
        if not files:
            raise ConfigError(f"{folder}: has no dashboards (*.yaml)")
        for file in files:
            if file.stem in found:
                raise ConfigError(
                    f"{file}: the uid is taken by {found[file.stem]}; rename the file"
                )
            found[file.stem] = file
    return [found[uid] for uid in sorted(found)]


def _panel_urls(values: Values) -> PanelUrls:
    own = {
        alert: group.file.runbooks
        for group in alert_groups(values.alert_folders)
        for alert in group.alerts
        if group.file.runbooks
    }
    return PanelUrls(values.urls.runbooks, values.urls.alertmanager, values.urls.status, own)


def _log_job(values: Values) -> str:
    """Return the matcher that selects the series of the log pipeline."""
    return f'job="{values.logs.metrics.job}"'


def _our_alerts(values: Values) -> str:
    """Return matchers that select the alerts of the chosen servers, and those of no server."""
    names = (name for group in alert_groups(values.alert_folders) for name in group.alerts)
    jobs = f"$job|{values.logs.metrics.job}|"
    target = f'cluster=~"$cluster|", job=~"{jobs}", instance=~"$instance|$log|"'
    return f'alertname=~"{"|".join(sorted(names))}", {target}'


def _context(values: Values) -> Json:
    return values.model_dump(by_alias=True) | {
        "server": SERVER,
        "database": DATABASE,
        "log": f'{_log_job(values)}, cluster=~"$cluster", instance=~"$log"',
        "our_alerts": _our_alerts(values),
        "target": ", ".join(values.prometheus.identity),
        "state": state_number(DATABASE),
    }
