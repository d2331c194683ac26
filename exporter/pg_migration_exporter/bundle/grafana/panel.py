"""What panels of all types have in common: the keys of their YAML and their part of the JSON.

Source: Grafana, "Dashboard JSON model", schema version 41, which Grafana 11 to 13 read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BeforeValidator, Field

from pg_migration_exporter.bundle.grafana.links import Json, PanelUrls, runbook_links
from pg_migration_exporter.bundle.grafana.states import ValueMapping, state_mappings
from pg_migration_exporter.bundle.types import Model

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}

GRID_WIDTH = 24

#: Names of the queries of a panel, in order; their number is the limit of queries.
REF_IDS = "ABCDEFGH"


class Size(NamedTuple):
    """The size of a panel in cells of the grid."""

    width: int
    height: int


def _parse_size(text: object) -> object:
    match = re.fullmatch(r"(\d+)x(\d+)", str(text))
    if not match or not 1 <= int(match[1]) <= GRID_WIDTH or int(match[2]) < 1:
        raise ValueError(f"write WIDTHxHEIGHT, such as 12x7; the grid is {GRID_WIDTH} cells wide")
    return Size(int(match[1]), int(match[2]))


class Panel(Model):
    """The keys that a panel of any type can have; panel_types.py adds those of each type."""

    type: str
    title: str
    size: Annotated[Size, BeforeValidator(_parse_size)]
    #: What the panel shows.
    description: str
    #: What the panel shows without data: the usual reason for that.
    no_data: str
    #: Legend -> expression.
    queries: Annotated[dict[str, str], Field(min_length=1, max_length=len(REF_IDS))]
    #: Grafana's name of the unit.
    unit: str = "none"
    #: Color -> value from which on it applies; no value for the first.
    thresholds: dict[str, float | None] | None = None
    #: Number -> text and color.
    mappings: dict[int, ValueMapping] = Field(default_factory=dict)
    #: Whether the numbers are those of migration states, with their texts and colors.
    states: bool = False
    #: Series -> color.
    colors: dict[str, str] = Field(default_factory=dict)
    #: Alerts that watch the same data: named in the description, linked to their runbooks.
    alerts: tuple[str, ...] = ()

    #: How Grafana runs the queries: over the time range, as series.
    QUERY: ClassVar[Json] = {"format": "time_series", "instant": False, "range": True}
    OPTIONS: ClassVar[Json] = {}
    COLOR_MODE: ClassVar[str] = "thresholds"

    def to_json(self, urls: PanelUrls) -> Json:
        """Return the panel for Grafana, without `id` and `gridPos`."""
        return {
            "type": self.type,
            "title": self.title,
            "description": self._description(),
            "datasource": DATASOURCE,
            "fieldConfig": {"defaults": self._defaults(), "overrides": [*self.overrides(urls)]},
            "options": self.options(),
            "targets": [*self._targets(urls)],
            "transformations": [*self.transformations()],
            "links": runbook_links(self.alerts, urls),
        }

    def options(self) -> Json:
        """Return the options of the panel's type."""
        return self.OPTIONS

    def custom(self) -> Json:
        """Return the field settings of the panel's type."""
        return {}

    def bounds(self) -> Json:
        """Return the limits of the value axis."""
        return {}

    def expression(self, expression: str, _urls: PanelUrls) -> str:
        """Return the expression of a query as Grafana runs it."""
        return expression

    def overrides(self, _urls: PanelUrls) -> Iterator[Json]:
        """Yield what differs for a series, or for a column of a table."""
        for series, color in self.colors.items():
            yield override(series, {"id": "color", "value": {"mode": "fixed", "fixedColor": color}})

    def transformations(self) -> Iterator[Json]:
        """Yield what Grafana does with the results of the queries."""
        yield from ()

    def _description(self) -> str:
        alerts = f" Alerts: {', '.join(self.alerts)}." if self.alerts else ""
        return f"{self.description}{alerts}"

    def _defaults(self) -> Json:
        steps: Mapping[str, float | None] = self.thresholds or {"blue": None}
        return {
            "unit": self.unit,
            "noValue": self.no_data,
            "color": {"mode": self.COLOR_MODE},
            "mappings": mappings_json(state_mappings() if self.states else self.mappings),
            "thresholds": {
                "mode": "absolute",
                "steps": [{"color": color, "value": value} for color, value in steps.items()],
            },
            "custom": self.custom(),
            **self.bounds(),
        }

    def _targets(self, urls: PanelUrls) -> Iterator[Json]:
        for ref_id, (legend, expression) in zip(REF_IDS, self.queries.items(), strict=False):
            yield {
                "refId": ref_id,
                "datasource": DATASOURCE,
                "editorMode": "code",
                "expr": self.expression(expression, urls),
                "legendFormat": legend,
                **self.QUERY,
            }


def mappings_json(mappings: Mapping[int, ValueMapping]) -> list[Json]:
    """Return Grafana's value mappings: one for all numbers, or none."""
    options: dict[str, Any] = {
        str(number): {"text": mapping.text, "color": mapping.color, "index": index}
        for index, (number, mapping) in enumerate(mappings.items())
    }
    return [{"type": "value", "options": options}] if options else []


def override(name: str, *properties: Json) -> Json:
    """Return settings for the series or the column of that name."""
    return {"matcher": {"id": "byName", "options": name}, "properties": [*properties]}
