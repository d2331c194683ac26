"""A panel with the results of its queries, and the text and color of its values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from demo.dashboards.queries import Query, Span
from demo.dashboards.units import write
from testbed.prometheus import Series

#: Grafana's dark theme.
TEXT, FAINT, GRID = "#ccccdc", "#8e8e99", "#2c2f36"
COLORS = {
    "green": "#56a64b",
    "yellow": "#e0b400",
    "orange": "#ff780a",
    "dark-orange": "#fa6400",
    "red": "#e02f44",
    "blue": "#3274d9",
    "purple": "#a352cc",
}


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel's JSON and the results of its queries in the span."""

    json: dict[str, Any]
    found: Sequence[tuple[Query, list[Series]]]
    annotations: Sequence[tuple[str, list[Series]]]
    span: Span

    @property
    def defaults(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json["fieldConfig"]["defaults"]
        return found

    @property
    def sorted_by(self) -> list[str]:
        """The columns by which a table is sorted, highest first."""
        return [column["displayName"] for column in self.json["options"].get("sortBy", [])]

    def series(self) -> Iterator[tuple[str, list[tuple[float, float]]]]:
        """Yield each series with its name and its numbers; NaN is left out."""
        for query, found in self.found:
            for series in found:
                values = [(time, float(text)) for time, text in series["values"]]
                if kept := [(time, value) for time, value in values if math.isfinite(value)]:
                    yield query.name(series), kept

    def fixed_color(self, name: str) -> str | None:
        """Return the color that one series always has."""
        for override in self.json["fieldConfig"]["overrides"]:
            change = override["properties"][0]
            if override["matcher"]["options"] == name and change["id"] == "color":
                return COLORS[change["value"]["fixedColor"]]
        return None

    def text_and_color(self, value: float) -> tuple[str, str]:
        """Return the text and the color of a value."""
        for mapping in self.defaults["mappings"]:
            if option := mapping["options"].get(f"{value:g}"):
                return option["text"], COLORS.get(option["color"], option["color"])
        steps = self.defaults["thresholds"]["steps"]
        reached = [step for step in steps if step["value"] is None or value >= step["value"]]
        return write(value, self.defaults["unit"], self.span.end), COLORS[reached[-1]["color"]]

    def cell(self, column: str, value: float) -> str:
        """Return the text of a value in a column of a table."""
        for override in self.json["fieldConfig"]["overrides"]:
            if override["matcher"]["options"] == column:
                for change in override["properties"]:
                    if change["id"] == "unit":
                        return write(value, change["value"], self.span.end)
                    if change["id"] == "mappings":
                        text: str = change["value"][0]["options"][f"{value:g}"]["text"]
                        return text
        return write(value, "short", self.span.end)
