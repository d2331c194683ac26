"""Parts of a group's unit tests, each with only the rules that it needs.

Promtool evaluates every rule of a file for every test. A test of one alert depends on few rules of
its group, so that most of promtool's work is saved without the others.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.fixtures.yaml_text import load_yaml

Mapping = dict[str, Any]


def promtool(*arguments: str | Path, program: str = "promtool") -> subprocess.CompletedProcess[str]:
    """Run promtool, with any exit code."""
    # It allocates much and keeps little: fewer collections save a fifth of its time.
    environment = os.environ | {"GOGC": "800"}
    return subprocess.run(
        [program, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def write_parts(rules: Path, tests: Path, folder: Path) -> Iterator[Path]:
    """Write each part's rules and tests into a folder; yield the files of tests."""
    [group] = load_yaml(rules.read_text(encoding="utf-8"))["groups"]
    content = load_yaml(tests.read_text(encoding="utf-8"))
    parts: dict[tuple[str, ...], list[Mapping]] = defaultdict(list)
    for test in content["tests"]:
        needed = needed_rules(group["rules"], [test])
        parts[tuple(map(_name, needed))].append(test)
    folder.mkdir()
    for number, part in enumerate(parts.values()):
        yield write_part(group, content | {"tests": part}, folder, str(number))


def write_part(group: Mapping, content: Mapping, folder: Path, name: str) -> Path:
    """Write a file of tests and the rules of the group that these need; the file of tests."""
    rules, tests = folder / f"{name}.rules.yaml", folder / f"{name}.yaml"
    needed = needed_rules(group["rules"], content["tests"])
    _write(rules, {"groups": [group | {"rules": needed}]})
    _write(tests, content | {"rule_files": [rules.name]})
    return tests


def needed_rules(rules: Sequence[Mapping], tests: Sequence[Mapping]) -> list[Mapping]:
    """Return the rules that tests name, and those that these read; all if one reads any alert."""
    text = json.dumps(tests)
    needed = [rule for rule in rules if _name(rule) in text]
    if "ALERTS" in text and not any("alert" in rule for rule in needed):
        return list(rules)
    read = needed
    while read:
        text = json.dumps([rule["expr"] for rule in read])
        if "ALERTS" in text:
            return list(rules)
        read = [rule for rule in rules if rule not in needed and _name(rule) in text]
        needed = needed + read
    return [rule for rule in rules if rule in needed]


def _name(rule: Mapping) -> str:
    return str(rule.get("alert") or rule["record"])


def _write(path: Path, content: Mapping) -> None:
    path.write_text(yaml.dump(content, Dumper=yaml.CSafeDumper), encoding="utf-8")
