"""Alerting and recording rules: `rules/<group>.yaml` with the values put in.

A file of rules/ is one group: `labels` of all its alerts, and `rules`:

- `alert` names the entry of the values that has its numbers; `expr`, `summary`, `description`; and
  `dashboard`: variables of the dashboard link beside job and instance, null for a rule without.
- `record`, `expr`, `labels`; with `each` it is one rule for each value, there called `<< each >>`.

Every text is a template that sees the values, the entry of its own alert (`threshold`, or `alert`
for all of it), and `target`: the labels that tell one target from another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from pg_migration_exporter.bundle.definitions import definitions, fill
from pg_migration_exporter.bundle.schema import Values

#: A rule, or a group of them, as Prometheus reads it.
Mapping = dict[str, Any]

_FOLDER = "rules"
_LINKS_TO = ("job", "instance")
#: Characters from which on a text is folded.
_LONG = 80


def groups(values: Values) -> list[Mapping]:
    """Return the groups, as Prometheus and a PrometheusRule of Kubernetes hold them."""
    context = _context(values)
    return [_group(name, group, context) for name, group in definitions(_FOLDER).items()]


def to_yaml(content: Mapping) -> str:
    """Return YAML in block style, for people: long texts folded, a blank line between rules."""
    text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return re.sub(r"(?<!rules:)\n(?= +- (?:alert|record): )", "\n\n", text).rstrip("\n")


class _Dumper(yaml.SafeDumper):
    """Indents lists, keeps the lines of a text, and repeats what is used twice."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else ">" if len(text) > _LONG else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)


# --- from definitions to rules ---------------------------------------------------------------


def _context(values: Values) -> Mapping:
    context = values.model_dump(by_alias=True)
    context["target"] = ", ".join(values.prometheus.identity)
    context["conditions"] = {
        rule["alert"]: fill(rule["expr"], _own(rule, context))
        for definition in definitions(_FOLDER).values()
        for rule in definition["rules"]
        if "alert" in rule
    }
    return context


def _own(rule: Mapping, context: Mapping) -> Mapping:
    """Return the context with the entry of the rule's alert on top."""
    entry = context["alerts"][rule["alert"]]
    own: Mapping = context | entry | {"alert": entry}
    return own


def _group(name: str, definition: Mapping, context: Mapping) -> Mapping:
    interval = context["prometheus"]["interval"]
    every = {"interval": interval} if interval else {}
    rules = [rule for entry in definition["rules"] for rule in _rules(entry, definition, context)]
    return {"name": name, **every, "rules": rules}


def _rules(rule: Mapping, group: Mapping, context: Mapping) -> Iterator[Mapping]:
    if "record" in rule:
        records = (_record(rule, context | {"each": each}) for each in rule.get("each", [None]))
        yield from (record for record in records if record["expr"])
    elif context["alerts"][rule["alert"]]["enabled"]:
        yield _alert(rule, group.get("labels", {}), _own(rule, context))


def _record(rule: Mapping, context: Mapping) -> Mapping:
    labels = {name: fill(value, context) for name, value in rule.get("labels", {}).items()}
    return {
        "record": fill(rule["record"], context),
        "expr": fill(rule["expr"], context),
        **({"labels": labels} if labels else {}),
    }


def _alert(rule: Mapping, group_labels: Mapping, context: Mapping) -> Mapping:
    alert = context["alert"]
    keep = {"keep_firing_for": alert["keep_firing_for"]} if alert["keep_firing_for"] else {}
    labels = {"severity": alert["severity"]}
    return {
        "alert": rule["alert"],
        "expr": fill(rule["expr"], context),
        "for": alert["for"],
        **keep,
        "labels": labels | group_labels | context["prometheus"]["labels"] | alert["labels"],
        "annotations": _annotations(rule, context) | alert["annotations"],
    }


def _annotations(rule: Mapping, context: Mapping) -> Mapping:
    urls = context["urls"]
    return {
        "summary": rule["summary"],
        "description": fill(rule["description"], context),
        "runbook_url": f"{urls['runbooks']}/{rule['alert']}.md",
        "dashboard_url": f"{urls['dashboard']}?from=now-3h&to=now{_variables(rule)}",
    }


def _variables(rule: Mapping) -> str:
    """Return what narrows the dashboard to the labels of the alert."""
    if (more := rule.get("dashboard", ())) is None:
        return ""
    return "".join(
        f"&var-{label}={{{{ $labels.{label} | urlquery }}}}" for label in (*_LINKS_TO, *more)
    )
