"""Panels as Grafana's classic dashboard JSON has them: what every kind has, and what is its own.

A panel is described by a mapping (see grafana_dashboards.py), its texts filled in. Source: Grafana,
"Dashboard JSON model", schema version 41, which Grafana 11 to 13 read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

#: A part of a dashboard.
Json = dict[str, Any]

WIDTH = 24
DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}

_HIDDEN = {"Time": True}
_TOOLTIP = {"mode": "multi", "sort": "desc"}
_LEGEND = {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True}
_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}

#: Options of each kind of panel.
_OPTIONS: dict[str, Json] = {
    "stat": {
        "colorMode": "background",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        "reduceOptions": _LAST,
        "showPercentChange": False,
        "textMode": "auto",
        "wideLayout": True,
    },
    "timeseries": {"legend": _LEGEND, "tooltip": _TOOLTIP},
    "state-timeline": {
        "alignValue": "left",
        "legend": _LEGEND,
        "mergeValues": True,
        "rowHeight": 0.8,
        "showValue": "auto",
        "tooltip": _TOOLTIP,
    },
    "table": {"cellHeight": "sm", "frameIndex": 0, "showHeader": True},
    "heatmap": {
        "calculate": False,
        "cellGap": 1,
        "color": {
            "exponent": 0.5,
            "fill": "dark-orange",
            "mode": "scheme",
            "reverse": False,
            "scheme": "Oranges",
            "steps": 64,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "yHistogram": False},
        "yAxis": {"axisPlacement": "left", "unit": "s"},
    },
}

#: How the queries of a kind are asked; the others ask for a range of time, as series.
_ASKED: dict[str, Json] = {
    "table": {"format": "table", "instant": True, "range": False},
    "stat": {"format": "time_series", "instant": True, "range": False},
    "heatmap": {"format": "heatmap", "instant": False, "range": True},
}
_ASKED_AS_RANGE: Json = {"format": "time_series", "instant": False, "range": True}


def panel(spec: Json, links: Iterable[Json]) -> Json:
    """Return the panel without `id` and `gridPos`."""
    return {
        "type": spec["kind"],
        "title": spec["title"],
        "description": spec["about"],
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": _defaults(spec), "overrides": [*_overrides(spec)]},
        "options": _options(spec),
        "targets": [*_targets(spec)],
        "transformations": [*_transformations(spec)],
        "links": [*links],
    }


def lay_out(rows: Iterable[tuple[str, list[tuple[str, Json]]]]) -> list[Json]:
    """Return the panels of all rows, numbered and placed from left to right, line below line.

    A row is its title and its panels, each with its size: `columns x lines of the grid`.
    """
    placed: list[Json] = []
    top = 0
    for title, panels in rows:
        row: Json = {"type": "row", "title": title, "collapsed": False, "panels": []}
        placed.append(row | {"gridPos": _position(0, top, WIDTH, 1)})
        left, top, below = 0, top + 1, top + 1
        for size, made in panels:
            width, height = (int(number) for number in size.split("x"))
            if left + width > WIDTH:
                left, top = 0, below
            placed.append(made | {"gridPos": _position(left, top, width, height)})
            left, below = left + width, max(below, top + height)
        top = below
    return [{"id": number} | one for number, one in enumerate(placed, start=1)]


def _position(x: int, y: int, w: int, h: int) -> Json:
    return {"h": h, "w": w, "x": x, "y": y}


def _options(spec: Json) -> Json:
    more: Json = {"textMode": spec["text"]} if "text" in spec else {}
    if "sort" in spec:
        more["sortBy"] = [{"displayName": spec["sort"], "desc": True}]
    return _OPTIONS[spec["kind"]] | more


def _defaults(spec: Json) -> Json:
    low, high = spec.get("range", (None, None))
    bounds = {} if high is None else {"min": low, "max": high}
    return {
        "unit": spec.get("unit", "none"),
        "noValue": spec["empty"],
        "color": {"mode": "palette-classic" if spec["kind"] == "timeseries" else "thresholds"},
        "mappings": [*_mappings(spec.get("words", {}))],
        "thresholds": {"mode": "absolute", "steps": [*_steps(spec.get("steps", {"blue": None}))]},
        "custom": _custom(spec),
        **bounds,
    }


def _mappings(words: Mapping[int, Sequence[str]]) -> Iterator[Json]:
    """Yield what shows numbers as words: number -> (word, color)."""
    if words:
        options = {
            str(number): {"text": text, "color": color, "index": index}
            for index, (number, (text, color)) in enumerate(words.items())
        }
        yield {"type": "value", "options": options}


def _steps(steps: Json) -> Iterator[Json]:
    for color, bound in steps.items():
        yield {"color": color, "value": None if bound is None else float(bound)}


def _custom(spec: Json) -> Json:
    if spec["kind"] == "state-timeline":
        return {"fillOpacity": 80, "lineWidth": 0}
    if spec["kind"] == "table":
        return {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False}
    if spec["kind"] != "timeseries":
        return {}
    return {
        "drawStyle": "bars" if spec.get("bars") else "line",
        "fillOpacity": 60 if spec.get("bars") else 10,
        "lineWidth": 1,
        "showPoints": "auto",
        "stacking": {"mode": "normal" if spec.get("stack") else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if "steps" in spec else "off"},
    }


def _overrides(spec: Json) -> Iterator[Json]:
    """Yield what is special about a series, or a table's column: color, unit, words, links."""
    for name, color in spec.get("colors", {}).items():
        yield _override(name, {"id": "color", "value": {"mode": "fixed", "fixedColor": color}})
    for column, unit in spec.get("units", {}).items():
        yield _override(column, {"id": "unit", "value": unit})
    for column, words in spec.get("column_words", {}).items():
        yield _override(
            column,
            {"id": "mappings", "value": [*_mappings(words)]},
            {"id": "custom.cellOptions", "value": {"type": "color-background"}},
        )
    for column, links in spec.get("column_links", {}).items():
        yield _override(column, {"id": "links", "value": links})


def _override(column: str, *properties: Json) -> Json:
    return {"matcher": {"id": "byName", "options": column}, "properties": [*properties]}


def _targets(spec: Json) -> Iterator[Json]:
    for ref, (legend, expression) in zip("ABCDEFGH", spec["queries"].items(), strict=False):
        yield {
            "refId": ref,
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": expression,
            "legendFormat": legend,
            **_ASKED.get(spec["kind"], _ASKED_AS_RANGE),
        }


def _transformations(spec: Json) -> Iterator[Json]:
    """Yield what makes one table of all queries, with the columns in order and named for people."""
    if spec["kind"] != "table":
        return
    names = [*spec["queries"]]
    values = ["Value"] if len(names) == 1 else [f"Value #{ref}" for ref in "ABCDEFGH"[: len(names)]]
    shown = {value: name for value, name in zip(values, names, strict=True) if name}
    hidden = dict.fromkeys((value for value in values if value not in shown), True)
    columns = spec["columns"] | shown
    yield {"id": "merge", "options": {}}
    yield {
        "id": "organize",
        "options": {
            "excludeByName": _HIDDEN | hidden,
            "indexByName": {column: index for index, column in enumerate(columns)},
            "renameByName": columns,
        },
    }
