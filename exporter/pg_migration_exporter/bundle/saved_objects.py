"""Objects for OpenSearch Dashboards: an index pattern, charts, a search, and their dashboard.

The format is that of "Saved objects: import" (one JSON object per line), in which searches and
charts are JSON in a string.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: What a migration did, and what happened to other sessions at the same time.
TIMELINE = "migration: true or event: * or level: (FATAL or PANIC)"
TIMELINE_COLUMNS = ("level", "event", "application_name", "message", "statement", "seconds")

_SOURCE = "kibanaSavedObjectMeta"
_PATTERN = f"{_SOURCE}.searchSourceJSON.index"
_PAGE_WIDTH = 48


@dataclass(frozen=True, slots=True)
class Chart:
    """Counts of entries by the values of fields; over time too if `kind` is histogram."""

    name: str
    title: str
    kind: str
    query: str
    fields: Sequence[str]


CHARTS = (
    Chart("levels", "Entries by severity", "histogram", "", ["level"]),
    Chart("events", "Events", "histogram", "event: *", ["event"]),
    Chart(
        "errors",
        "Errors of migrations",
        "table",
        "migration: true and level: (ERROR or FATAL or PANIC)",
        ["sqlstate", "application_name"],
    ),
)


def saved_objects(index: str, description: str) -> list[dict[str, Any]]:
    """Return the objects for the indices `index`-*, each after those that it references."""
    pattern = f"{index}-*"
    time = {"title": pattern, "timeFieldName": "@timestamp"}
    panels = [*(_chart(chart, pattern) for chart in CHARTS), _timeline(pattern)]
    return [
        {"id": pattern, "type": "index-pattern", "attributes": time, "references": []},
        *panels,
        _dashboard(panels, description),
    ]


def _source(query: str, **reference: str) -> dict[str, str]:
    source = {"query": {"language": "kuery", "query": query}, "filter": [], **reference}
    return {"searchSourceJSON": json.dumps(source)}


def _search_object(
    name: str, kind: str, pattern: str, query: str, **attributes: Any
) -> dict[str, Any]:
    """Return an object of a kind that searches the index pattern; its id is `name`."""
    return {
        "id": name,
        "type": kind,
        "attributes": {**attributes, _SOURCE: _source(query, indexRefName=_PATTERN)},
        "references": [{"name": _PATTERN, "type": "index-pattern", "id": pattern}],
    }


def _timeline(pattern: str) -> dict[str, Any]:
    attributes = {
        "title": "Migration time line",
        "columns": list(TIMELINE_COLUMNS),
        "sort": [["@timestamp", "asc"]],
    }
    return _search_object("migration-timeline", "search", pattern, TIMELINE, **attributes)


def _chart(chart: Chart, pattern: str) -> dict[str, Any]:
    over_time = chart.kind == "histogram"
    by = "group" if over_time else "bucket"
    terms = [("terms", by, {"field": field, "size": 20, "orderBy": "1"}) for field in chart.fields]
    time = [("date_histogram", "segment", {"field": "@timestamp", "interval": "auto"})]
    aggregations = [("count", "metric", {}), *(time if over_time else []), *terms]
    state = {
        "title": chart.title,
        "type": chart.kind,
        "params": {},
        "aggs": [
            {"id": str(number), "enabled": True, "type": name, "schema": schema, "params": params}
            for number, (name, schema, params) in enumerate(aggregations, 1)
        ],
    }
    attributes = {"title": chart.title, "visState": json.dumps(state), "uiStateJSON": "{}"}
    chart_id = f"migration-logs-{chart.name}"
    return _search_object(chart_id, "visualization", pattern, chart.query, **attributes)


def _dashboard(panels: Sequence[dict[str, Any]], description: str) -> dict[str, Any]:
    """Return the dashboard: the charts side by side, the search below them."""
    width = _PAGE_WIDTH // len(CHARTS)
    places = [{"x": width * column, "y": 0, "w": width, "h": 12} for column in range(len(CHARTS))]
    places.append({"x": 0, "y": 12, "w": _PAGE_WIDTH, "h": 24})
    layout = [
        {
            "panelIndex": str(number),
            "panelRefName": f"panel_{number}",
            "gridData": {**place, "i": str(number)},
            "embeddableConfig": {},
        }
        for number, place in enumerate(places)
    ]
    references = [
        {"name": f"panel_{number}", "type": panel["type"], "id": panel["id"]}
        for number, panel in enumerate(panels)
    ]
    attributes = {
        "title": "Migration logs",
        "description": description,
        "panelsJSON": json.dumps(layout),
        "optionsJSON": json.dumps({"useMargins": True}),
        "timeRestore": True,
        "timeFrom": "now-3h",
        "timeTo": "now",
        _SOURCE: _source(""),
    }
    return {
        "id": "migration-logs",
        "type": "dashboard",
        "attributes": attributes,
        "references": references,
    }
