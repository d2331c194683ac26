"""The texts of each alert, as promtool tests them, and its title on a phone."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from testbed.programs import program
from tests.bundle.all_alerts import ALERTS, ROOT, TEST_FILES

#: Number of characters of a title that a phone shows in a list of messages.
PHONE = 40
#: What a template leaves where a value is missing, has no unit, or stands where a text is wrong.
ODD = re.compile(
    r"<no value>|%!|%%|NaN|Inf\b|\d\.\d{4}|\d[eE][+-]?\d|  | [.,;:)]|\( |\(\)|\.\.|{{|}}"
    r"|\b1 [a-z ]*[a-z]s (?:do|are|were|have|wait)\b"
)
Firing = tuple[dict[str, str], dict[str, str]]


def _expected() -> dict[str, list[Firing]]:
    """Return the labels and annotations of every unit test in which an alert fires, by its name."""
    found: dict[str, list[Firing]] = {}
    for file in TEST_FILES:
        for test in file["tests"]:
            for assertion in test.get("alert_rule_test", ()):
                name = assertion["alertname"]
                for alert in assertion.get("exp_alerts", ()):
                    labels = alert["exp_labels"] | {"alertname": name}
                    found.setdefault(name, []).append((labels, alert["exp_annotations"]))
    return found


EXPECTED = _expected()
EVERY_ALERT = pytest.mark.parametrize("name", [rule["alert"] for rule in ALERTS])


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
    for _, texts in EXPECTED[name]:
        for text in (texts["summary"], texts["description"]):
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
    labels = EXPECTED[name][0][0] | {"cluster": "eu"}
    shown = _title(tmp_path, "firing", labels)[:PHONE]
    assert shown.startswith(f"{labels['severity'][:4].upper()} {name}")


def test_the_end_of_an_alert_has_its_name_in_the_title(tmp_path: Path) -> None:
    labels = EXPECTED["MigrationBlocked"][0][0]
    assert _title(tmp_path, "resolved", labels) == "RESOLVED MigrationBlocked game db1:9886"
