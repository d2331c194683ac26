"""The panel of each alert: where its link leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pg_migration_exporter.bundle.grafana.dashboards import files
from pg_migration_exporter.bundle.grafana.definition import dashboard_content
from pg_migration_exporter.bundle.grafana.layout import panel_number
from pg_migration_exporter.bundle.schema import Values

#: What selects the log pipeline in a panel's queries; it has targets of its own.
_OF_THE_LOG = "<< log >>"


@dataclass(frozen=True, slots=True)
class AlertPanel:
    """A panel by its dashboard and number, and the variables that narrow it: name -> label."""

    uid: str
    number: int
    variables: Mapping[str, str]

    def path(self) -> str:
        """Return the part of the address after Grafana's, without time range and variables."""
        return f"/d/{self.uid}?viewPanel={self.number}"


_SERVER = {"cluster": "cluster", "job": "job", "instance": "instance", "datname": "datname"}
_LOG = {"cluster": "cluster", "log": "instance"}


def alert_panels(values: Values) -> dict[str, AlertPanel]:
    """Return the panel of each alert: the first that names it, overviews left out."""
    found: dict[str, AlertPanel] = {}
    for file in files(values):
        for alert, panel in _named(file):
            found.setdefault(alert, panel)
    return found


def _named(file: Path) -> Iterator[tuple[str, AlertPanel]]:
    content = dashboard_content(file)
    if content.get("overview"):
        return
    for row in content["rows"]:
        for panel in row["panels"]:
            place = AlertPanel(
                file.stem, panel_number(row["title"], panel["title"]), _narrow(panel)
            )
            yield from ((alert, place) for alert in panel.get("alerts", ()))


def _narrow(panel: Mapping[str, Any]) -> Mapping[str, str]:
    of_the_log = any(_OF_THE_LOG in query for query in panel["queries"].values())
    return _LOG if of_the_log else _SERVER
