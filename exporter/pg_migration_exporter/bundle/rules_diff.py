"""The differences between the rules of two sets of values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pg_migration_exporter.bundle.alert_rules import groups
from pg_migration_exporter.bundle.schema import Values


def diff_rules(old: Values, new: Values) -> Iterator[str]:
    """Yield a line for each rule that is added or removed, and for each changed part of a rule."""
    before, after = _rules(old), _rules(new)
    for rule in dict.fromkeys((*before, *after)):
        if rule not in after:
            yield f"- {rule}"
        elif rule not in before:
            yield f"+ {rule}"
        else:
            yield from _changes(rule, before[rule], after[rule])


def _rules(values: Values) -> dict[str, dict[str, str]]:
    """Return the parts of each rule, by its group and its name."""
    found: dict[str, dict[str, str]] = {}
    for group in groups(values):
        for rule in group["rules"]:
            name = rule.get("alert") or _series(rule)
            found[f"{group['name']}: {name}"] = dict(_parts(rule)) | _interval(group)
    return found


def _series(rule: dict[str, Any]) -> str:
    labels = ", ".join(f'{name}="{value}"' for name, value in rule.get("labels", {}).items())
    return f"{rule['record']}{{{labels}}}" if labels else str(rule["record"])


def _interval(group: dict[str, Any]) -> dict[str, str]:
    return {"interval": group["interval"]} if "interval" in group else {}


def _parts(rule: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in rule.items():
        if isinstance(value, dict):
            yield from _parts(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", " ".join(str(value).split())


def _changes(rule: str, before: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    for part in dict.fromkeys((*before, *after)):
        was, becomes = before.get(part, "(none)"), after.get(part, "(none)")
        if was != becomes:
            yield f"~ {rule}: {part}: {was} -> {becomes}"
