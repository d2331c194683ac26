"""Links from panels to runbooks, to the cockpit and to Alertmanager."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

#: The cockpit of the server in a row of a table, with the time range of the dashboard.
COCKPIT = (
    "/d/pg-migration-cockpit?${__url_time_range}&${cluster:queryparam}&var-job=${__data.fields.job}"
    "&var-instance=${__data.fields.server}"
)

#: Alertmanager's form for a new silence of the alert in a row of a table, on its server:
#: `#/silences/new?filter={alertname="...",instance="..."}`.
_SILENCE = (
    "#/silences/new?filter=%7Balertname%3D%22${__data.fields.alert}%22%2C"
    "instance%3D%22${__data.fields.server}%22%7D"
)


_WEB = ("http://", "https://")

#: Hidden column of a table: where the runbook of the alert in the row is.
RUNBOOKS = "runbooks"


@dataclass(frozen=True, slots=True)
class PanelUrls:
    """Folders or URLs that panels link to; groups of alerts may have runbooks of their own."""

    runbooks: str
    alertmanager: str
    status: str
    runbooks_by_alert: Mapping[str, str]

    def runbook(self, alert: str) -> str:
        """Return the path or URL of an alert's runbook."""
        return f"{self.runbooks_by_alert.get(alert, self.runbooks)}/{alert}.md"

    @property
    def differ_in_a_table(self) -> bool:
        """Whether the alerts of a table have runbooks in several places, one with a web address."""
        places = self.runbooks, *self.runbooks_by_alert.values()
        return len(places) > 1 and any(place.startswith(_WEB) for place in places)


def runbook_links(alerts: Iterable[str], urls: PanelUrls) -> list[Json]:
    """Return a link to the runbook of each alert whose runbook has a web address."""
    return [link for alert in alerts for link in _web_links(alert, urls.runbook(alert))]


def cockpit_links() -> list[Json]:
    """Return the link of a cell to the cockpit of its server."""
    return [_link("Cockpit", COCKPIT)]


def cell_runbook_links(urls: PanelUrls) -> list[Json]:
    """Return the link of a cell to the runbook of the alert that it names."""
    if urls.differ_in_a_table:
        return [_link("Runbook", f"${{__data.fields.{RUNBOOKS}}}/${{__value.raw}}.md")]
    return _web_links("Runbook", f"{urls.runbooks}/${{__value.raw}}.md")


def with_runbooks(expression: str, label: str, urls: PanelUrls) -> str:
    """Return the expression with a label RUNBOOKS: where the runbook of the alert in `label` is."""
    by_folder: dict[str, list[str]] = {}
    for alert, folder in urls.runbooks_by_alert.items():
        by_folder.setdefault(folder, []).append(alert)
    labeled = f'label_replace({expression}, "{RUNBOOKS}", "{urls.runbooks}", "", "")'
    for folder, alerts in by_folder.items():
        names = "|".join(alerts)
        labeled = f'label_replace({labeled}, "{RUNBOOKS}", "{folder}", "{label}", "{names}")'
    return labeled


def silence_links(alertmanager: str) -> list[Json]:
    """Return the link of a cell to the form that silences the alert that it names."""
    return _web_links("Silence", f"{alertmanager}/{_SILENCE}")


def _web_links(title: str, url: str) -> list[Json]:
    """Return the link, or none if the URL is not a web address (a folder in the values)."""
    return [_link(title, url)] if url.startswith(_WEB) else []


def _link(title: str, url: str) -> Json:
    return {"title": title, "url": url, "targetBlank": True}
