"""Positions of panels on the grid of a dashboard."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from pg_migration_exporter.bundle.grafana.definition import Row
from pg_migration_exporter.bundle.grafana.links import Json, PanelUrls
from pg_migration_exporter.bundle.grafana.panel import GRID_WIDTH


def lay_out(rows: Iterable[Row], urls: PanelUrls) -> list[Json]:
    """Return the panels of all rows, numbered, placed from left to right and top to bottom."""
    return [*_placed(rows, urls)]


def panel_number(row: str, panel: str) -> int:
    """Return the `id` of a panel: of its titles, so that old links stay right when others come."""
    return zlib.crc32(f"{row}/{panel}".encode()) >> 1


def _placed(rows: Iterable[Row], urls: PanelUrls) -> Iterator[Json]:
    top = 0
    for row in rows:
        panels = [*_panels(row, urls, top + 1)]
        heading: Json = {
            "id": panel_number(row.title, ""),
            "type": "row",
            "title": row.title,
            "collapsed": row.is_folded,
            "panels": panels if row.is_folded else [],
            "gridPos": _position(0, top, GRID_WIDTH, 1),
        }
        shown = [heading] if row.is_folded else [heading, *panels]
        yield from shown
        top = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in shown)


def _panels(row: Row, urls: PanelUrls, top: int) -> Iterator[Json]:
    """Yield the panels of a row from this line on; those of a folded row as if it were open."""
    left, bottom = 0, top
    for panel in row.panels:
        width, height = panel.size
        if left + width > GRID_WIDTH:
            left, top = 0, bottom
        number = panel_number(row.title, panel.title)
        position = _position(left, top, width, height)
        yield {"id": number} | panel.to_json(urls) | {"gridPos": position}
        left, bottom = left + width, max(bottom, top + height)


def _position(x: int, y: int, w: int, h: int) -> Json:
    return {"h": h, "w": w, "x": x, "y": y}
