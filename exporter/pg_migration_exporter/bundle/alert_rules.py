"""Alerting and recording rules: the alerts' files with the values put in.

Every text of a file (alert_files) is a template. It can use the values, the entry of its own alert
(`threshold`, or `alert` for all of it), the pieces of `expressions`, and, in the recording rules,
`conditions`: the expression of each alert.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any

import yaml

from pg_migration_exporter.bundle.alert_files import (
    AlertFile,
    AlertGroup,
    RecordingRule,
    alert_groups,
    alerts_by_name,
)
from pg_migration_exporter.bundle.expressions import Expressions
from pg_migration_exporter.bundle.grafana.alert_panels import AlertPanel, alert_panels
from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.bundle.templating import fill

#: A rule, or a group of them, as Prometheus reads it.
Mapping = dict[str, Any]

#: Time range of a link to a dashboard.
_LAST_HOURS = "from=now-3h&to=now"
#: Number of characters above which a text is folded.
_LONG = 80


def groups(values: Values) -> list[Mapping]:
    """Return the groups, as Prometheus and a PrometheusRule of Kubernetes hold them."""
    context = _context(values)
    return [_group(group, context) for group in alert_groups(values.alert_folders)]


def to_yaml(content: Mapping) -> str:
    """Return YAML in block style, for people: long texts folded, a blank line between rules."""
    text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return re.sub(r"(?<!rules:)\n(?= +- (?:alert|record): )", "\n\n", text).rstrip("\n")


class _Dumper(yaml.SafeDumper):
    """Indents lists, keeps the lines of a text, and writes no aliases."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else ">" if len(text) > _LONG else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)


# --- from files to rules ---------------------------------------------------------------------


def _context(values: Values) -> Mapping:
    context = values.model_dump(by_alias=True)
    context |= Expressions(values.prometheus).context()
    context["panels"] = alert_panels(values)
    context["conditions"] = {
        name: fill(alert.expr, _own(name, context))
        for name, alert in alerts_by_name(values.alert_folders).items()
    }
    return context


def _own(name: str, context: Mapping) -> Mapping:
    """Return the context with the entry of this alert on top."""
    entry = context["alerts"][name]
    own: Mapping = context | entry | {"alert": entry}
    return own


def _group(group: AlertGroup, context: Mapping) -> Mapping:
    interval = context["prometheus"]["interval"]
    every = {"interval": interval} if interval else {}
    rules = [rule for recording in group.file.records for rule in _records(recording, context)]
    rules += [
        _alert(name, alert, group, _own(name, context))
        for name, alert in group.alerts.items()
        if context["alerts"][name]["enabled"]
    ]
    return {"name": group.name, **every, "rules": rules}


def _records(rule: RecordingRule, context: Mapping) -> Iterator[Mapping]:
    """Yield a rule for each value of `each`, without those whose expression is empty."""
    each = rule.each
    values = reduce(getitem, each.split("."), context) if isinstance(each, str) else each
    records = (
        _record(rule, context | {"each": value}) for value in ([None] if values is None else values)
    )
    return (record for record in records if record["expr"])


def _record(rule: RecordingRule, context: Mapping) -> Mapping:
    labels = {name: fill(value, context) for name, value in rule.labels.items()}
    return {
        "record": fill(rule.record, context),
        "expr": fill(rule.expr, context),
        **({"labels": labels} if labels else {}),
    }


def _alert(name: str, file: AlertFile, group: AlertGroup, context: Mapping) -> Mapping:
    alert = context["alert"]
    keep = {"keep_firing_for": alert["keep_firing_for"]} if alert["keep_firing_for"] else {}
    labels = {"severity": alert["severity"]} | group.file.labels
    runbooks = group.file.runbooks or context["urls"]["runbooks"]
    return {
        "alert": name,
        "expr": fill(file.expr, context),
        "for": alert["for"],
        **keep,
        "labels": labels | context["prometheus"]["labels"] | alert["labels"],
        "annotations": {
            "summary": file.summary,
            "description": fill(_description(file), context),
            "runbook_url": f"{runbooks}/{name}.md",
            "dashboard_url": _dashboard_url(name, context),
        }
        | alert["annotations"],
    }


def _description(file: AlertFile) -> str:
    return f"{file.description} First: {file.first}" if file.first else file.description


def _dashboard_url(name: str, context: Mapping) -> str:
    """Return the address of the panel that shows the alert's data, narrowed to its labels."""
    address: str = context["urls"]["dashboard"]
    panel: AlertPanel | None = context["panels"].get(name)
    if panel is None:
        return f"{address}?{_LAST_HOURS}"
    grafana = address.partition("/d/")[0]
    variables = "".join(_variable(*pair) for pair in panel.variables.items())
    return f"{grafana}{panel.path()}&{_LAST_HOURS}{variables}"


def _variable(name: str, label: str) -> str:
    """Return a variable of an address that is there only if the alert has the label."""
    return f"{{{{ with $labels.{label} }}}}&var-{name}={{{{ . | urlquery }}}}{{{{ end }}}}"
