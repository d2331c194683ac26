"""The committed rules, proven by promtool, and the proof that promtool's cases are complete."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from promql_parser import parse_duration

from tests.bundle import cases
from tests.bundle.conventions import CONVENTIONS

RULE_FILES = sorted((cases.ROOT / "alerts").glob("*.yaml"))
TEST_FILES = sorted(cases.TESTS.glob("*.yaml"))
ANNOTATIONS = {"summary", "description", "runbook_url", "dashboard_url"}
#: The one that is installed, and one of another release where $PROMTOOL names it.
PROMTOOLS = ["promtool", *filter(None, [os.environ.get("PROMTOOL")])]
#: Fires always: it never begins, ends or is silent.
WATCHDOG = "Watchdog"


@cache
def _load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


ALL = [rule for path in RULE_FILES for group in _load(path)["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in ALL if "alert" in rule]
RECORDS = [rule for rule in ALL if "record" in rule]
EVERY_ALERT = pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
EVERY_RECORD = pytest.mark.parametrize("rule", RECORDS, ids=lambda rule: rule["record"])
EVERY_RULE = pytest.mark.parametrize(
    "rule", ALL, ids=lambda rule: rule.get("alert") or rule["record"]
)
TESTS = [
    (parse_duration(file["evaluation_interval"]), case)
    for file in map(_load, TEST_FILES)
    for case in file["tests"]
]


@pytest.mark.parametrize("promtool", PROMTOOLS)
def test_promtool_accepts_the_rules(promtool: str) -> None:
    _pass(promtool, "check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)


@pytest.mark.parametrize("promtool", PROMTOOLS)
@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.stem)
def test_rules_pass_their_cases(promtool: str, path: Path) -> None:
    """One file a test: several processes share the minute of work."""
    _pass(promtool, "test", "rules", path)


def _pass(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", sorted(cases.CASES.iterdir()), ids=lambda path: path.stem)
def test_committed_tests_are_what_the_cases_expand_to(path: Path) -> None:
    committed = (cases.TESTS / path.name).read_text(encoding="utf-8")
    assert committed == cases.expand(path), "run `make render`"


def test_each_group_has_its_file_of_rules_and_of_cases() -> None:
    tested = {name for path in TEST_FILES for name in _load(path)["rule_files"]}
    assert tested == {f"../{path.name}" for path in RULE_FILES}
    for path in RULE_FILES:
        assert [group["name"] for group in _load(path)["groups"]] == [path.stem]


def test_alert_names_are_unique() -> None:
    names = [rule["alert"] for rule in ALERTS]
    assert len(names) == len(set(names))


def test_no_recording_rule_is_recorded_twice() -> None:
    """pint rule/duplicate: Prometheus would refuse or mix the samples of both."""
    recorded = [(rule["record"], str(rule.get("labels"))) for rule in RECORDS]
    assert len(recorded) == len(set(recorded))


@EVERY_ALERT
def test_every_alert_has_all_annotations_and_a_severity(rule: dict[str, Any]) -> None:
    assert rule["annotations"].keys() == ANNOTATIONS
    assert all(rule["annotations"].values())
    assert rule["annotations"]["summary"].endswith(".")
    assert "{{" not in rule["annotations"]["summary"]
    assert rule["annotations"]["runbook_url"].endswith(f"/{rule['alert']}.md")
    assert rule["labels"]["severity"] in {"critical", "high", "warning", "info", "none"}


@EVERY_ALERT
def test_every_alert_that_notifies_says_what_to_do_first(rule: dict[str, Any]) -> None:
    if rule["labels"]["severity"] not in {"info", "none"}:
        assert "First: " in rule["annotations"]["description"]


@EVERY_RULE
def test_every_rule_follows_the_conventions(rule: dict[str, Any]) -> None:
    assert [breach for convention in CONVENTIONS for breach in convention(rule)] == []


# --- completeness of promtool's cases ---------------------------------------------------------


@EVERY_ALERT
def test_every_alert_fires_exactly_at_its_for_and_resolves(rule: dict[str, Any]) -> None:
    """In one case it is silent one evaluation before it fires, and silent again afterwards."""
    if rule["alert"] == WATCHDOG:
        return
    assert any(_fires_sharply(_assertions(case), rule["alert"], step) for step, case in TESTS)


@EVERY_ALERT
def test_every_alert_is_silent_in_a_case_of_its_own(rule: dict[str, Any]) -> None:
    if rule["alert"] == WATCHDOG:
        return
    assert any(
        assertions and not any(each.get("exp_alerts") for each in assertions)
        for _, case in TESTS
        if (assertions := [a for a in _assertions(case) if a["alertname"] == rule["alert"]])
    ) or rule["alert"].endswith("Absent")


@EVERY_ALERT
def test_every_alert_is_tried_with_targets_of_one_name_on_two_clusters(
    rule: dict[str, Any],
) -> None:
    """absent() and vector() know no target."""
    if "instance" not in rule["annotations"]["dashboard_url"]:
        return
    assert any(
        'cluster="' in case["input_series"][-1]["series"]
        for _, case in TESTS
        if case["input_series"]
        and any(a["alertname"] == rule["alert"] and a.get("exp_alerts") for a in _assertions(case))
    )


@EVERY_RECORD
def test_every_recording_rule_is_evaluated_with_and_without_a_result(rule: dict[str, Any]) -> None:
    asked = [
        bool(each.get("exp_samples"))
        for _, case in TESTS
        for each in case.get("promql_expr_test", ())
        if re.search(rf"(?<![\w:]){re.escape(rule['record'])}(?![\w:])", each["expr"])
    ]
    assert {True, False} <= set(asked)


def _assertions(case: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = case.get("alert_rule_test", [])
    return found


def _fires_sharply(assertions: list[dict[str, Any]], alert: str, step: timedelta) -> bool:
    fires = {
        _time(each["eval_time"]): bool(each.get("exp_alerts"))
        for each in assertions
        if each["alertname"] == alert
    }
    first = min((time for time, firing in fires.items() if firing), default=None)
    if first is None:
        return False
    resolves = any(time > first and not firing for time, firing in fires.items())
    return fires.get(first - step) is False and resolves


def _time(text: str) -> timedelta:
    return timedelta() if text == "0s" else parse_duration(text)
