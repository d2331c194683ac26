"""The queries of a dashboard's panels, with Grafana's variables replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from testbed.prometheus import Prometheus, Series

#: Values of Grafana's variables when everything is selected.
_ALL = {
    "$cluster": ".*",
    "$job": ".+",
    "$instance": ".+",
    "$datname": ".+",
    "$host": ".+",
    "$log": ".+",
}


@dataclass(frozen=True, slots=True)
class Span:
    """A time range in seconds since the epoch, and its resolution."""

    start: float
    end: float
    step: float = 1.0
    rate_interval: str = "15s"

    def fill(self, expression: str) -> str:
        """Return an expression as Grafana sends it for this range."""
        chosen = _ALL | {
            "$__rate_interval": self.rate_interval,
            "$__range": f"{max(1, round(self.end - self.start))}s",
        }
        for variable, value in chosen.items():
            expression = expression.replace(variable, value)
        return expression


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel."""

    dashboard: str
    panel: str
    legend: str
    expression: str
    instant: bool = False

    def __str__(self) -> str:
        return f"{self.dashboard} / {self.panel} / {self.legend}"

    def query_range(self, prometheus: Prometheus, span: Span) -> list[Series]:
        """Return every series of the time range. Raises StackError."""
        filled = span.fill(self.expression)
        return prometheus.query_range(filled, span.start, span.end, span.step)

    def query_shown(self, prometheus: Prometheus, span: Span) -> list[Series]:
        """Return the series that the panel shows: the range or only its end. Raises StackError."""
        if not self.instant:
            return self.query_range(prometheus, span)
        return prometheus.query_range(span.fill(self.expression), span.end, span.end, span.step)

    def name(self, series: Series) -> str:
        """Return the legend of one series."""
        return re.sub(r"{{(\w+)}}", lambda label: series["metric"].get(label[1], ""), self.legend)


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the panels without the rows; those of folded rows too."""
    for panel in dashboard["panels"]:
        yield from panel["panels"] if panel["type"] == "row" else [panel]


def queries(dashboard: dict[str, Any]) -> Iterator[Query]:
    """Yield the queries of a dashboard's panels."""
    for panel in panels(dashboard):
        yield from panel_queries(dashboard["title"], panel)


def panel_queries(dashboard: str, panel: dict[str, Any]) -> Iterator[Query]:
    """Yield the queries of one panel."""
    for target in panel["targets"]:
        yield Query(
            dashboard, panel["title"], target["legendFormat"], target["expr"], target["instant"]
        )


def annotation_queries(dashboard: dict[str, Any]) -> Iterator[Query]:
    """Yield the queries of the annotations."""
    for annotation in dashboard["annotations"]["list"]:
        yield Query(
            dashboard["title"],
            annotation["name"],
            annotation["titleFormat"],
            annotation["expr"],
        )
