"""The committed rules, proven by promtool, and the proof that promtool's cases are complete."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from promql_parser import parse_duration

ROOT = Path(__file__).parents[2]
RULE_FILES = sorted((ROOT / "alerts").glob("*.yaml"))
TEST_FILES = sorted((ROOT / "alerts" / "tests").glob("*.yaml"))
ANNOTATIONS = {"summary", "description", "runbook_url", "dashboard_url"}


@cache
def _load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


RULES = [rule for path in RULE_FILES for group in _load(path)["groups"] for rule in group["rules"]]
EVERY_RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.stem)
def test_promtool_cases_pass(path: Path):
    command = ["promtool", "test", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_group_has_its_file_of_rules_and_of_cases():
    assert RULE_FILES
    assert [path.name for path in TEST_FILES] == [path.name for path in RULE_FILES]
    for rules, cases in zip(RULE_FILES, TEST_FILES, strict=True):
        assert [group["name"] for group in _load(rules)["groups"]] == [rules.stem]
        assert _load(cases)["rule_files"] == [f"../{rules.name}"]


def test_alert_names_are_unique():
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))


@EVERY_RULE
def test_every_alert_has_all_annotations_and_a_severity(rule: dict[str, Any]):
    assert rule["annotations"].keys() == ANNOTATIONS
    assert all(rule["annotations"].values())
    assert rule["annotations"]["summary"].endswith(".")
    assert "{{" not in rule["annotations"]["summary"]
    assert rule["annotations"]["runbook_url"].endswith(f"/{rule['alert']}.md")
    assert rule["labels"]["severity"] in {"critical", "high", "warning", "info"}


@EVERY_RULE
def test_every_alert_fires_exactly_at_its_for_and_resolves(rule: dict[str, Any]):
    """In one case it is silent one evaluation before it fires, and silent again afterwards."""
    assert any(
        _fires_sharply(case["alert_rule_test"], rule["alert"], _step(file))
        for file in map(_load, TEST_FILES)
        for case in file["tests"]
    )


def _step(file: dict[str, Any]) -> timedelta:
    return parse_duration(file["evaluation_interval"])


def _fires_sharply(assertions: list[dict[str, Any]], alert: str, step: timedelta) -> bool:
    fires = {
        parse_duration(each["eval_time"]): bool(each.get("exp_alerts"))
        for each in assertions
        if each["alertname"] == alert
    }
    first = min((time for time, firing in fires.items() if firing), default=None)
    if first is None:
        return False
    resolves = any(time > first and not firing for time, firing in fires.items())
    return fires.get(first - step) is False and resolves
