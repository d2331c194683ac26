"""Parts of a group's unit tests, each with only the alerts that it is about.

Promtool evaluates every rule of a file for every test. A test of one alert does not depend on the
others of its group, so that most of promtool's work is saved without them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.fixtures.yaml_text import load_yaml

Mapping = dict[str, Any]


def write_parts(rules: Path, tests: Path, folder: Path) -> Iterator[Path]:
    """Write each part's rules and tests into a folder; yield the files of tests."""
    [group] = load_yaml(rules.read_text(encoding="utf-8"))["groups"]
    content = load_yaml(tests.read_text(encoding="utf-8"))
    by_alerts: dict[frozenset[str], list[Mapping]] = defaultdict(list)
    for test in content["tests"]:
        by_alerts[_alerts_of(test, group["rules"])].append(test)
    folder.mkdir()
    for number, (alerts, part) in enumerate(by_alerts.items()):
        needed = [rule for rule in group["rules"] if rule.get("alert") in {None, *alerts}]
        _write(folder / f"rules-{number}.yaml", {"groups": [group | {"rules": needed}]})
        names = {"rule_files": [f"rules-{number}.yaml"], "tests": part}
        _write(folder / f"tests-{number}.yaml", content | names)
        yield folder / f"tests-{number}.yaml"


def _alerts_of(test: Mapping, rules: list[Mapping]) -> frozenset[str]:
    """Return the alerts that a test names; all of them if a rule of these reads other alerts."""
    text = json.dumps(test)
    named = {rule["alert"]: rule for rule in rules if rule.get("alert", "\n") in text}
    reads_alerts = any("ALERTS" in rule["expr"] for rule in named.values())
    if reads_alerts or ("ALERTS" in text and not named):
        return frozenset(rule["alert"] for rule in rules if "alert" in rule)
    return frozenset(named)


def _write(path: Path, content: Mapping) -> None:
    path.write_text(yaml.dump(content, Dumper=yaml.CSafeDumper), encoding="utf-8")
