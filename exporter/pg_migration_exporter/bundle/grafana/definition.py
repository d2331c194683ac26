"""The YAML file of a dashboard: its keys, and how it is read and checked.

Every text of a panel is a template that sees the values, and:

- `server` and `database`: matchers that select the series of the chosen servers and databases;
  `log`: those of the log pipeline of these servers;
- `our_alerts`: matchers that select the alerts of the chosen servers, and those of no server;
- `target`: the labels that tell one target from another;
- `state`: an expression for the number of each changelog's state (states.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from pg_migration_exporter.bundle.grafana.panel import Panel
from pg_migration_exporter.bundle.grafana.panel_types import PANEL_TYPES
from pg_migration_exporter.bundle.templating import fill
from pg_migration_exporter.bundle.types import Model
from pg_migration_exporter.config.yaml_file import read_yaml, validate
from pg_migration_exporter.errors import ConfigError

#: What Grafana accepts as a uid.
_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a dashboard: its title and its panels; a folded one is opened by a click."""

    title: str
    panels: list[Panel]
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard; its uid is the name of its file."""

    file: Path
    title: str
    description: str
    target_metrics: str
    rows: list[Row]

    @property
    def uid(self) -> str:
        """The identity of the dashboard in Grafana, and in its address."""
        return self.file.stem


class _RowKeys(Model):
    title: str
    #: Whether only its title is shown until somebody clicks on it.
    folded: bool = False
    panels: list[dict[str, Any]]


class _DashboardKeys(Model):
    """The keys of a file; panels are checked one by one, by the model of their type."""

    title: str
    #: Which questions it answers, for whom.
    description: str
    #: Pattern of the names of the metrics whose job and instance can be chosen.
    target_metrics: str = "postgres_up"
    #: Whether it sums up many servers, so that no alert links to it.
    overview: bool = False
    rows: list[_RowKeys]


def read_dashboard(file: Path, context: Mapping[str, Any]) -> Dashboard:
    """Read a dashboard, with the context put into the texts of its panels.

    Raises ConfigError naming the file, the panel and the key.
    """
    if not _UID.fullmatch(file.stem):
        raise ConfigError(f"{file}: name the file with 1 to 40 letters, digits, - and _")
    keys = validate(_DashboardKeys, dashboard_content(file), file)
    rows = [
        Row(row.title, [_panel(panel, file, context) for panel in row.panels], row.folded)
        for row in keys.rows
    ]
    return Dashboard(file, keys.title, keys.description, keys.target_metrics, rows)


@cache
def dashboard_content(file: Path) -> Mapping[str, Any]:
    """Return the content of a dashboard's file, unchecked. Raises ConfigError."""
    return read_yaml(file)


def _panel(content: Mapping[str, Any], file: Path, context: Mapping[str, Any]) -> Panel:
    place = f'{file}: panel "{content.get("title", "(no title)")}"'
    filled = {key: _fill(value, context, f"{place}: {key}") for key, value in content.items()}
    model = PANEL_TYPES.get(str(filled.get("type")))
    if model is None:
        raise ConfigError(f"{place}: type: must be one of {', '.join(PANEL_TYPES)}")
    return validate(model, filled, place)


def _fill(node: Any, context: Mapping[str, Any], place: str) -> Any:
    """Return a part of a panel with each of its texts rendered."""
    if isinstance(node, str):
        try:
            return fill(node, context)
        except TemplateError as error:
            raise ConfigError(f"{place}: {error}") from error
    if isinstance(node, list):
        return [_fill(item, context, place) for item in node]
    if isinstance(node, dict):
        return {key: _fill(value, context, place) for key, value in node.items()}
    return node
