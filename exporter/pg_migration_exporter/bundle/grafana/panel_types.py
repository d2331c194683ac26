"""The types of panels: the keys that each adds, and its own part of the JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field

from pg_migration_exporter.bundle.grafana.links import (
    RUNBOOKS,
    Json,
    PanelUrls,
    cell_runbook_links,
    cockpit_links,
    silence_links,
    with_runbooks,
)
from pg_migration_exporter.bundle.grafana.panel import REF_IDS, Panel, mappings_json, override
from pg_migration_exporter.bundle.grafana.states import ValueMapping, state_mappings

_TOOLTIP = {"mode": "multi", "sort": "desc"}
_LEGEND = {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True}


class Range(NamedTuple):
    """The lowest and the highest value of an axis."""

    low: int | float
    high: int | float


class StatPanel(Panel):
    """The latest value of each series, in large letters."""

    type: Literal["stat"]
    #: What is shown of a series: its value, or its name (for a series that carries its labels).
    text_mode: Literal["auto", "name"] = "auto"

    QUERY: ClassVar[Json] = {"format": "time_series", "instant": True, "range": False}

    def options(self) -> Json:
        """Return the options of a stat panel."""
        return {
            "colorMode": "background",
            "graphMode": "none",
            "justifyMode": "center",
            "orientation": "auto",
            "percentChangeColorMode": "standard",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "showPercentChange": False,
            "textMode": self.text_mode,
            "wideLayout": True,
        }


class TimeSeriesPanel(Panel):
    """A graph of each series over time."""

    type: Literal["timeseries"]
    #: Lowest and highest value of the axis; without it, those of the data.
    range: Range | None = None
    #: Whether the series are stacked.
    stack: bool = False
    #: Whether bars are drawn in place of lines.
    bars: bool = False

    OPTIONS: ClassVar[Json] = {"legend": _LEGEND, "tooltip": _TOOLTIP}
    COLOR_MODE: ClassVar[str] = "palette-classic"

    def custom(self) -> Json:
        """Return how the series are drawn."""
        return {
            "drawStyle": "bars" if self.bars else "line",
            "fillOpacity": 60 if self.bars else 10,
            "lineWidth": 1,
            "showPoints": "auto",
            "stacking": {"mode": "normal" if self.stack else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if self.thresholds else "off"},
        }

    def bounds(self) -> Json:
        """Return the limits of the value axis."""
        return {"min": self.range.low, "max": self.range.high} if self.range else {}


class StateTimelinePanel(Panel):
    """The state of each series over time, as colored regions."""

    type: Literal["state-timeline"]

    OPTIONS: ClassVar[Json] = {
        "alignValue": "left",
        "legend": _LEGEND,
        "mergeValues": True,
        "rowHeight": 0.8,
        "showValue": "auto",
        "tooltip": _TOOLTIP,
    }

    def custom(self) -> Json:
        """Return how the regions are drawn."""
        return {"fillOpacity": 80, "lineWidth": 0}


class HeatmapPanel(Panel):
    """The buckets of a histogram over time."""

    type: Literal["heatmap"]

    QUERY: ClassVar[Json] = {"format": "heatmap", "instant": False, "range": True}
    OPTIONS: ClassVar[Json] = {
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
    }


class TablePanel(Panel):
    """A table: a column for each label of `columns`, then one for each query, named by its legend.

    A query with the empty legend has no column: its labels are all that is shown.
    """

    type: Literal["table"]
    #: Label -> name of its column.
    columns: dict[str, str]
    #: Column -> unit.
    column_units: dict[str, str] = Field(default_factory=dict)
    #: Column -> number -> text and color.
    column_mappings: dict[str, dict[int, ValueMapping]] = Field(default_factory=dict)
    #: The column of numbers of migration states.
    state_column: str | None = None
    #: The column to sort by, highest first.
    sort_by: str | None = None
    #: The column that links to the cockpit of the server in its row.
    cockpit_column: str | None = None
    #: The column of alerts that links to their runbooks.
    runbook_column: str | None = None
    #: The column of alerts that links to the form for a new silence.
    silence_column: str | None = None

    QUERY: ClassVar[Json] = {"format": "table", "instant": True, "range": False}

    def options(self) -> Json:
        """Return the options of a table."""
        sort = {"sortBy": [{"displayName": self.sort_by, "desc": True}]} if self.sort_by else {}
        return {"cellHeight": "sm", "frameIndex": 0, "showHeader": True, **sort}

    def expression(self, expression: str, urls: PanelUrls) -> str:
        """Return the expression, with the places of runbooks if the table links to several."""
        labels = [label for label, column in self.columns.items() if column == self.runbook_column]
        if labels and urls.differ_in_a_table:
            return with_runbooks(expression, labels[0], urls)
        return expression

    def custom(self) -> Json:
        """Return how cells are drawn."""
        return {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False}

    def overrides(self, urls: PanelUrls) -> Iterator[Json]:
        """Yield units, mappings and links of single columns."""
        yield from super().overrides(urls)
        for column, unit in self.column_units.items():
            yield override(column, {"id": "unit", "value": unit})
        for column, mappings in self._column_mappings().items():
            yield override(
                column,
                {"id": "mappings", "value": mappings_json(mappings)},
                {"id": "custom.cellOptions", "value": {"type": "color-background"}},
            )
        if self.runbook_column and urls.differ_in_a_table:
            yield override(
                RUNBOOKS,
                {"id": "custom.hidden", "value": True},  # Grafana 11
                {"id": "custom.hideFrom", "value": {"legend": True, "tooltip": True, "viz": True}},
            )
        for column, links in self._column_links(urls).items():
            yield override(column, {"id": "links", "value": links})

    def transformations(self) -> Iterator[Json]:
        """Yield what makes one table of all queries, with its columns named and in order."""
        legends = [*self.queries]
        several = len(legends) > 1
        values = [f"Value #{ref_id}" if several else "Value" for ref_id in REF_IDS[: len(legends)]]
        shown = {value: name for value, name in zip(values, legends, strict=True) if name}
        columns = self.columns | shown
        hidden = ["Time", *(value for value in values if value not in shown)]
        yield {"id": "merge", "options": {}}
        yield {
            "id": "organize",
            "options": {
                "excludeByName": dict.fromkeys(hidden, True),
                "indexByName": {column: index for index, column in enumerate(columns)},
                "renameByName": columns,
            },
        }

    def _column_mappings(self) -> Mapping[str, Mapping[int, ValueMapping]]:
        states = {self.state_column: state_mappings()} if self.state_column else {}
        return self.column_mappings | states

    def _column_links(self, urls: PanelUrls) -> dict[str, list[Json]]:
        candidates = (
            (self.cockpit_column, cockpit_links()),
            (self.runbook_column, cell_runbook_links(urls)),
            (self.silence_column, silence_links(urls.alertmanager)),
        )
        links: dict[str, list[Json]] = {}
        for column, column_links in candidates:
            if column and column_links:
                links.setdefault(column, []).extend(column_links)
        return links


#: Value of the key `type` -> the model of the panel.
PANEL_TYPES: dict[str, type[Panel]] = {
    "stat": StatPanel,
    "timeseries": TimeSeriesPanel,
    "state-timeline": StateTimelinePanel,
    "heatmap": HeatmapPanel,
    "table": TablePanel,
}
