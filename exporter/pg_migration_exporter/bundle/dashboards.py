"""Dashboards of Grafana: `dashboards/<uid>.yaml` with the values put in.

A file of dashboards/ has `title`, `about` (what it answers, for whom), `rows`, and optionally
`targets`: the series whose job and instance can be chosen. A row has `title` and `panels`; a panel:

- `title`, `kind` (stat, timeseries, state-timeline, table, heatmap), `size` in the grid, columns x
  lines of 24, `about`, and `empty`: what it says without data, and why that may be;
- `queries`: legend -> expression; in a table the legend is the name of the column of values, and
  `columns` are the labels -> their names, `units` those of columns;
- `unit`, `steps` (color -> the value from which on it holds), `words` (number -> word and color),
  `states: true` (the words are the states of a migration), `range`, `stack`, `bars`;
- `alerts`: those that watch the same, linked to their runbooks; `runbooks`: the column of a table
  that names an alert, `cockpit`: the one whose cells lead to the cockpit; `column_words`: words of
  columns; `sort`: the column to sort by, highest first; `text: name` shows names, not values.

Every text is a template that sees the values; `server`, `database` and `log`: matchers of series;
`target`: the labels that tell one target from another; and `states`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from jinja2 import Template

from pg_migration_exporter.bundle import grafana
from pg_migration_exporter.bundle.grafana import Json
from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.bundle.templating import environment
from pg_migration_exporter.liquibase.state import Status

SCHEMA_VERSION = 41
TAG = "pg-migration-exporter"

_DEFINITIONS = files("pg_migration_exporter.bundle") / "dashboards"
_SERVER = 'job=~"$job", instance=~"$instance"'

#: Color of each state; its place is the number that stands for it.
_STATES = {
    Status.SUCCEEDED: "green",
    Status.RUNNING: "blue",
    Status.PENDING: "yellow",
    Status.ROLLED_BACK: "purple",
    Status.DRIFTED: "orange",
    Status.STALE_LOCK: "dark-orange",
    Status.FAILED: "red",
    Status.NOT_INITIALISED: "#808080",
    Status.UNKNOWN: "#404040",
}

#: What is marked in every panel: name -> color and the states of a migration.
_MARKS = {
    "Runs": ("blue", [Status.RUNNING]),
    "Failures": ("red", [Status.FAILED, Status.STALE_LOCK]),
}


def dashboards(values: Values) -> dict[str, Json]:
    """Return every dashboard by its uid."""
    context = _context(values)
    return {
        uid: _dashboard(uid, _fill(definition, context), context)
        for uid, definition in _definitions().items()
    }


def to_json(dashboard: Json) -> str:
    """Return a dashboard as a file for people and Grafana."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


@cache
def _definitions() -> dict[str, Any]:
    return {
        file.name.removesuffix(".yaml"): yaml.safe_load(file.read_text(encoding="utf-8"))
        for file in sorted(_DEFINITIONS.iterdir(), key=lambda file: file.name)
    }


def _context(values: Values) -> Json:
    return values.model_dump(by_alias=True) | {
        "server": _SERVER,
        "database": f'{_SERVER}, datname=~"$datname"',
        "log": f'job="{values.logs.metrics.job}"',
        "target": ", ".join(values.prometheus.identity),
        "states": [*_STATES],
    }


@cache
def _template(text: str) -> Template:
    return environment().from_string(text)


def _fill(node: Any, context: Json) -> Any:
    """Return the definition with each of its texts rendered."""
    if isinstance(node, str):
        return _template(node).render(context).rstrip("\n")
    if isinstance(node, list):
        return [_fill(one, context) for one in node]
    if isinstance(node, dict):
        return {key: _fill(value, context) for key, value in node.items()}
    return node


# --- from definitions to dashboards ----------------------------------------------------------


def _dashboard(uid: str, definition: Json, context: Json) -> Json:
    runbooks = context["urls"]["runbooks"]
    rows = (
        (row["title"], [(spec["size"], _panel(spec, runbooks)) for spec in row["panels"]])
        for row in definition["rows"]
    )
    return {
        "uid": uid,
        "title": definition["title"],
        "description": definition["about"],
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "links": [_OTHERS],
        "templating": {"list": [*_variables(definition.get("targets", "postgres_up"))]},
        "annotations": {"list": [*_annotations(context["database"])]},
        "panels": grafana.lay_out(rows),
    }


#: Leads to the other dashboards, with what is chosen and the range of time kept.
_OTHERS: Json = {
    "type": "dashboards",
    "title": "Dashboards",
    "tags": [TAG],
    "asDropdown": True,
    "includeVars": True,
    "keepTime": True,
    "targetBlank": False,
    "icon": "external link",
    "tooltip": "",
    "url": "",
}


#: The cockpit of one line of a table, in the range of time that is shown.
_COCKPIT = (
    "/d/pg-migration-cockpit?${__url_time_range}&var-job=${__data.fields.job}"
    "&var-instance=${__data.fields.server}"
)


def _panel(spec: Json, runbooks: str) -> Json:
    """Return a panel; its runbooks are links where they have an address on the web."""
    alerts = spec.get("alerts", [])
    more: Json = {"column_links": {}}
    if spec.get("states"):
        more["words"] = _words()
    if "cockpit" in spec:
        more["column_links"][spec["cockpit"]] = _link("Cockpit", _COCKPIT)
    if alerts:
        more["about"] = f"{spec['about']} Alerts: {', '.join(alerts)}."
    if not runbooks.startswith(("http://", "https://")):
        return grafana.panel(spec | more, [])
    if "runbooks" in spec:
        link = _link("Runbook", f"{runbooks}/${{__value.raw}}.md")
        more["column_links"][spec["runbooks"]] = link
    return grafana.panel(spec | more, [_link(one, f"{runbooks}/{one}.md") for one in alerts])


def _words() -> Json:
    return {
        number: (state.replace("_", " "), color)
        for number, (state, color) in enumerate(_STATES.items())
    }


def _variables(targets: str) -> Iterator[Json]:
    """Yield what can be chosen at the top: the data source, and whose series are shown."""
    yield {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "hide": 0,
        "refresh": 1,
    }
    yield _variable("job", "Job", targets)
    yield _variable("instance", "Instance", f'{targets}{{job=~"$job"}}')
    yield _variable("datname", "Database", f"migration_exporter_database_up{{{_SERVER}}}")


def _variable(name: str, label: str, series: str) -> Json:
    """A variable of the values that a label of these series has: several, or all."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": grafana.DATASOURCE,
        "query": f"label_values({series}, {name})",
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"text": ["All"], "value": ["$__all"], "selected": True},
    }


def _annotations(database: str) -> Iterator[Json]:
    """Yield what is marked in every panel, as regions: consecutive samples become one."""
    for name, (color, states) in _MARKS.items():
        chosen = "|".join(states)
        yield {
            "name": name,
            "datasource": grafana.DATASOURCE,
            "enable": True,
            "hide": False,
            "iconColor": color,
            "expr": f'liquibase_migration_status{{status=~"{chosen}", {database}}} == 1',
            "titleFormat": "{{datname}} {{changelog}}: {{status}}",
            "tagKeys": "instance",
            "textFormat": "",
            "step": "",
            "useValueForTime": False,
        }
