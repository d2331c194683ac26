"""All Grafana dashboards: `dashboards/<uid>.yaml` with the values put in."""

from __future__ import annotations

import json
from pathlib import Path

from pg_migration_exporter.bundle.grafana.dashboard_json import DATABASE, SERVER, dashboard_json
from pg_migration_exporter.bundle.grafana.definition import read_dashboard
from pg_migration_exporter.bundle.grafana.links import Json
from pg_migration_exporter.bundle.grafana.states import state_number
from pg_migration_exporter.bundle.schema import Values

_FOLDER = Path(__file__).parents[1] / "dashboards"


def dashboards(values: Values) -> dict[str, Json]:
    """Return every dashboard by its uid. Raises ConfigError."""
    context = _context(values)
    return {
        file.stem: dashboard_json(read_dashboard(file, context), values.urls) for file in _files()
    }


def uids() -> list[str]:
    """Return the uids of the dashboards, which are the names of their files."""
    return [file.stem for file in _files()]


def to_json(dashboard: Json) -> str:
    """Return a dashboard as the text of a file."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def _files() -> list[Path]:
    return sorted(_FOLDER.glob("*.yaml"))


def _context(values: Values) -> Json:
    return values.model_dump(by_alias=True) | {
        "server": SERVER,
        "database": DATABASE,
        "log": f'job="{values.logs.metrics.job}"',
        "target": ", ".join(values.prometheus.identity),
        "state": state_number(DATABASE),
    }
