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
        heading: Json = {"type": "row", "title": row.title, "collapsed": False, "panels": []}
        yield (
            {"id": panel_number(row.title, "")}
            | heading
            | {"gridPos": _position(0, top, GRID_WIDTH, 1)}
        )
        left, top, bottom = 0, top + 1, top + 1
        for panel in row.panels:
            width, height = panel.size
            if left + width > GRID_WIDTH:
                left, top = 0, bottom
            number = panel_number(row.title, panel.title)
            position = _position(left, top, width, height)
            yield {"id": number} | panel.to_json(urls) | {"gridPos": position}
            left, bottom = left + width, max(bottom, top + height)
        top = bottom


def _position(x: int, y: int, w: int, h: int) -> Json:
    return {"h": h, "w": w, "x": x, "y": y}
