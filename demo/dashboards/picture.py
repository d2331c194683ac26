"""A picture of a dashboard, with Grafana's layout."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from demo.dashboards.panel import FAINT, TEXT, Panel
from demo.dashboards.panel_types import draw
from demo.dashboards.queries import Span, annotation_queries, panel_queries
from demo.palette import in_palette
from testbed.prometheus import Prometheus

_BACKGROUND, _PANEL = "#111217", "#1b1d22"
#: Inches of one column and one line of the grid of 24 columns.
_COLUMN, _LINE = 0.58, 0.34
_DPI = 80


def picture(dashboard: dict[str, Any], prometheus: Prometheus, span: Span, path: Path) -> None:
    """Draw the dashboard for the span and write the picture. Raises StackError, OSError."""
    lines = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    figure = Figure(figsize=(24 * _COLUMN, lines * _LINE), dpi=_DPI, facecolor=_BACKGROUND)
    marked = [
        (annotation["iconColor"], query.query_range(prometheus, span))
        for annotation, query in zip(
            dashboard["annotations"]["list"], annotation_queries(dashboard), strict=True
        )
    ]
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        if panel["type"] == "row":
            mark = "▸" if panel["collapsed"] else "▾"
            _title(figure, lines, place, f"{mark} {panel['title']}", size=11)
            continue
        found = [
            (query, query.query_shown(prometheus, span))
            for query in panel_queries(dashboard["title"], panel)
        ]
        _frame(figure, lines, place)
        _title(figure, lines, place, panel["title"], size=8)
        axes = figure.add_axes(_inside(lines, place, panel["type"]), facecolor=_PANEL)
        axes.tick_params(colors=FAINT, labelsize=6, length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        draw(axes, Panel(panel, found, marked, span))
    with BytesIO() as png:
        figure.savefig(png)
        path.write_bytes(in_palette(png.getvalue()))


def _box(lines: int, place: dict[str, int]) -> tuple[float, float, float, float]:
    """Return left, bottom, width and height as shares of the figure."""
    return (
        place["x"] / 24,
        1 - (place["y"] + place["h"]) / lines,
        place["w"] / 24,
        place["h"] / lines,
    )


def _frame(figure: Figure, lines: int, place: dict[str, int]) -> None:
    left, bottom, width, height = _box(lines, place)
    axes = figure.add_axes(
        (left + 0.003, bottom + 0.08 / lines, width - 0.006, height - 0.16 / lines),
        facecolor=_PANEL,
    )
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)


def _title(figure: Figure, lines: int, place: dict[str, int], text: str, size: float) -> None:
    left, bottom, _, height = _box(lines, place)
    figure.text(
        left + 0.008, bottom + height - 0.55 / lines, text, color=TEXT, fontsize=size, va="center"
    )


def _inside(lines: int, place: dict[str, int], kind: str) -> tuple[float, float, float, float]:
    """Return the box of the panel's content: below the title, with room for axes and legend."""
    left, bottom, width, height = _box(lines, place)
    wide = {"timeseries": 0.042, "heatmap": 0.042, "state-timeline": 0.1}.get(kind, 0.008)
    low = {"timeseries": 1.7, "heatmap": 0.8, "state-timeline": 0.8}.get(kind, 0.3) / lines
    return left + wide, bottom + low, width - wide - 0.01, height - low - 1.1 / lines
