"""What each alert says, as promtool proves it (`alerts/tests`), and its title on a phone."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pg_migration_exporter.bundle.render import render
from pg_migration_exporter.bundle.values import load_values
from testbed.programs import program
from tests.bundle.cases import ROOT, TESTS

#: What a phone shows of a title in a list of messages.
PHONE = 40
#: What a template leaves where a value is missing, has no unit, or stands where a text is wrong.
ODD = re.compile(
    r"<no value>|%!|%%|NaN|Inf\b|\d\.\d{4}|\d[eE][+-]?\d|  | [.,;:)]|\( |\(\)|\.\.|{{|}}"
    r"|\b1 [a-z ]*[a-z]s (?:do|are|were|have|wait)\b"
)
Said = tuple[dict[str, str], dict[str, str]]


def _said() -> dict[str, list[Said]]:
    """Labels and annotations of every case in which an alert fires, by its name."""
    found: dict[str, list[Said]] = {}
    for path in sorted(TESTS.glob("*.yaml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for asked in case.get("alert_rule_test", ()):
                name = asked["alertname"]
                for one in asked.get("exp_alerts", ()):
                    labels = one["exp_labels"] | {"alertname": name}
                    found.setdefault(name, []).append((labels, one["exp_annotations"]))
    return found


SAID = _said()
ALERTS = [
    rule["alert"]
    for file in render(["alerts"], load_values())
    for group in yaml.safe_load(file.text)["groups"]
    for rule in group["rules"]
    if "alert" in rule
]
EVERY_ALERT = pytest.mark.parametrize("name", ALERTS)


def _title(folder: Path, status: str, labels: dict[str, str]) -> str:
    """Render the title of a notification of one alert, by Alertmanager's own code."""
    alert = {"status": status, "labels": labels, "annotations": {}}
    data: dict[str, Any] = {"status": status, "alerts": [alert], "commonLabels": labels}
    (folder / "data.json").write_text(json.dumps(data))
    options = [
        f"--template.glob={ROOT}/deploy/alertmanager/*.tmpl",
        f"--template.data={folder / 'data.json'}",
        '--template.text={{ template "pg_migration.title" . }}',
    ]
    command = [str(program("amtool")), "template", "render", *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@EVERY_ALERT
def test_every_text_is_whole(name: str) -> None:
    for _, said in SAID[name]:
        for text in (said["summary"], said["description"]):
            assert not ODD.search(text), text
            assert text.endswith((".", "?")), text


@pytest.mark.parametrize(
    "text",
    [
        "is <no value>.",
        "is 0.30000000000000004.",
        "is 91%% used.",
        "is 1e+06.",
        "is NaN.",
        "of table  in x.",
        "in database .",
        "a build () of x.",
        "1 network connections do not.",
    ],
)
def test_an_odd_text_would_be_found(text: str) -> None:
    assert ODD.search(text)


@EVERY_ALERT
def test_a_phone_shows_severity_and_alert(name: str, tmp_path: Path) -> None:
    labels = SAID[name][0][0] | {"cluster": "eu"}
    shown = _title(tmp_path, "firing", labels)[:PHONE]
    assert shown.startswith(f"{labels['severity'][:4].upper()} {name}")


def test_the_end_of_an_alert_is_told_by_its_name(tmp_path: Path) -> None:
    labels = SAID["MigrationBlocked"][0][0]
    assert _title(tmp_path, "resolved", labels) == "RESOLVED MigrationBlocked game"
