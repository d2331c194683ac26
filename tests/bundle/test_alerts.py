"""The rules, tested by promtool, and the completeness of promtool's unit tests."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from promql_parser import parse_duration

from pg_migration_exporter.bundle import alert_rules
from pg_migration_exporter.bundle.alert_files import AlertGroup, alert_groups
from pg_migration_exporter.bundle.render import render, write
from pg_migration_exporter.bundle.rule_tests.cases import rule_test_paths
from pg_migration_exporter.bundle.rule_tests.promtool_files import promtool_files
from pg_migration_exporter.bundle.values import load_values
from tests.bundle.all_alerts import (
    ALERTS,
    GROUPS,
    RECORDS,
    ROOT,
    RULES,
    TEST_FILES,
    TEST_TEXTS,
    VALUES,
    runbook,
)
from tests.bundle.bare_series import bare_series
from tests.bundle.conventions import CONVENTIONS
from tests.bundle.promtool_parts import promtool, write_parts
from tests.fixtures.yaml_text import load_yaml

ANNOTATIONS = {"summary", "description", "runbook_url", "dashboard_url"}
#: The one that is installed, and one of another release where $PROMTOOL names it.
PROMTOOLS = ["promtool", *filter(None, [os.environ.get("PROMTOOL")])]
#: Fires always: it never begins, ends or is silent.
WATCHDOG = "Watchdog"


EVERY_ALERT = pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
EVERY_RECORD = pytest.mark.parametrize("rule", RECORDS, ids=lambda rule: rule["record"])
EVERY_RULE = pytest.mark.parametrize(
    "rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"]
)
TESTS = [
    (parse_duration(file["evaluation_interval"]), case)
    for file in TEST_FILES
    for case in file["tests"]
]


@pytest.fixture(scope="module")
def alerts_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rendered rules, and in `tests` the unit tests of promtool."""
    folder = tmp_path_factory.mktemp("rules")
    write(render(["alerts"], VALUES), folder, lambda _: True)
    (folder / "alerts/tests").mkdir()
    for name, text in TEST_TEXTS.items():
        (folder / "alerts/tests" / name).write_text(text, encoding="utf-8")
    return folder / "alerts"


@pytest.mark.parametrize("program", PROMTOOLS)
def test_promtool_accepts_the_rules(program: str, alerts_folder: Path) -> None:
    _pass(program, "check", "rules", "--lint=all", "--lint-fatal", *alerts_folder.glob("*.yaml"))


@pytest.mark.parametrize("program", PROMTOOLS)
@pytest.mark.parametrize("name", TEST_TEXTS)
def test_rules_pass_their_cases(
    program: str, name: str, alerts_folder: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """One file a test: several processes share the work.

    What passed is not run again until promtool, the rules or the cases change.
    """
    version = promtool("--version", program=program).stdout.encode()
    [rules] = load_yaml(TEST_TEXTS[name])["rule_files"]
    inputs = version, (alerts_folder / "tests" / rules).read_bytes(), TEST_TEXTS[name].encode()
    passed = f"promtool/{sha256(b'-'.join(inputs)).hexdigest()}"
    cache = pytestconfig.cache
    if cache and cache.get(passed, default=False):
        return
    tests = alerts_folder / "tests" / name
    _pass(program, "test", "rules", *write_parts(tests.parent / rules, tests, tmp_path / "parts"))
    if cache:
        cache.set(passed, value=True)


def _pass(program: str, *arguments: str | Path) -> None:
    done = promtool(*arguments, program=program)
    assert done.returncode == 0, done.stdout + done.stderr


def test_committed_unit_tests_are_what_the_cases_expand_to() -> None:
    committed = {
        path.name: path.read_text(encoding="utf-8") for path in (ROOT / "alerts/tests").iterdir()
    }
    assert committed == promtool_files(load_values()), "run `make render`"


@pytest.mark.parametrize(
    "group", alert_groups(VALUES.alert_folders), ids=lambda group: str(group.name)
)
def test_every_alert_has_a_test_and_a_runbook(group: AlertGroup) -> None:
    """Adding an alert means three files: the alert, its test and its runbook."""
    tests = rule_test_paths(group)
    for name in group.alerts:
        assert name in tests, f"add {group.source}{name}.test.yaml: the tests of the alert"
        assert runbook(name).is_file(), f"add {runbook(name).relative_to(ROOT)}: the runbook"
    for path in group.folder.glob("*.test.yaml"):
        assert path in tests.values(), f"remove {group.source}{path.name}, or add its alert"


def test_every_group_has_unit_tests() -> None:
    tested = {name for file in TEST_FILES for name in file["rule_files"]}
    assert tested == {f"../{group['name']}.yaml" for group in GROUPS}


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


#: Groups whose expressions are the deployment guide's.
GUIDE = {"database.migration.critical", "database.migration.warning"}
#: Most rules that may wake somebody up.
MOST_PAGES = 12


@pytest.mark.parametrize(
    "rule",
    [rule for group in GROUPS if group["name"] not in GUIDE for rule in group["rules"]],
    ids=lambda rule: rule.get("alert") or rule["record"],
)
def test_pods_and_copies_of_a_target_are_aggregated(rule: dict[str, Any]) -> None:
    assert bare_series(rule["expr"]) == set(), "aggregate by (<< target >>, ...)"


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("a == 1", {"a"}),
        ("max by (job, instance) (a) == 1", {"a"}),
        ("max by (cluster, namespace, team, job, instance) (a) / on (job) b", {"b"}),
        ("max by (cluster, namespace, team, job, instance) (a) unless on (job) b", set()),
        ("record:of:a > 1", set()),
    ],
)
def test_a_series_that_is_not_aggregated_would_be_found(expression: str, found: set[str]) -> None:
    assert bare_series(expression) == found


def test_few_rules_wake_somebody_up() -> None:
    """Those of the bundle; a page is for what hurts users now or loses data soon."""
    own = alert_rules.groups(load_values())
    pages = [
        rule["alert"]
        for group in own
        for rule in group["rules"]
        if rule.get("labels", {}).get("severity") in {"critical", "high"}
    ]
    assert len(pages) <= MOST_PAGES, pages


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
    if re.match(r"absent\(|vector\(", rule["expr"]):
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
