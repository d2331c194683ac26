"""Files of alerts: what is refused, and folders that a values file adds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pg_migration_exporter.bundle.alert_files import CORE, alert_groups
from pg_migration_exporter.bundle.alert_rules import groups
from pg_migration_exporter.bundle.rule_tests.cases import read_rule_tests
from pg_migration_exporter.bundle.values import load_values
from pg_migration_exporter.errors import ConfigError
from tests.bundle.all_alerts import QUEST
from tests.bundle.conftest import WriteValues

ALERT = {
    "expr": "queue_length > << threshold >>",
    "summary": "The queue is long.",
    "description": "Queue {{ $labels.queue }} has {{ $value }} entries.",
    "first": "see whether its workers run.",
    "for": "5m",
    "severity": "warning",
    "values": {
        "threshold": {"type": "count", "default": 100, "description": "Entries that may wait."}
    },
}


def _write(folder: Path, content: object, group: object = None, name: str = "QueueLong") -> Path:
    """Write the folder `alerts` of one group with one alert; return the file of the alert."""
    path = folder / "alerts" / "queues" / f"{name}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(content))
    (path.parent / "group.yaml").write_text(yaml.safe_dump(group or {}))
    return path


def _rules(values: Path) -> dict[str, dict[str, Any]]:
    found = {group["name"]: group["rules"] for group in groups(load_values(values))}
    return {rule["alert"]: rule for rule in found["queues"]}


def test_alerts_of_a_folder_are_rendered_with_the_values_of_the_user(
    tmp_path: Path, write_values: WriteValues
) -> None:
    _write(tmp_path, ALERT, {"labels": {"category": "queues"}, "runbooks": "https://wiki"})
    alerts = {"QueueLong": {"threshold": 7, "labels": {"team": "backend"}}}
    values = write_values({"alert_folders": ["alerts"], "alerts": alerts})
    rule = _rules(values)["QueueLong"]
    assert rule["expr"] == "queue_length > 7"
    assert rule["for"] == "5m"
    assert rule["labels"] == {"severity": "warning", "category": "queues", "team": "backend"}
    assert rule["annotations"]["description"].endswith("First: see whether its workers run.")
    assert rule["annotations"]["runbook_url"] == "https://wiki/QueueLong.md"


def test_folders_of_several_values_files_add_up(tmp_path: Path, write_values: WriteValues) -> None:
    _write(tmp_path, ALERT)
    own = write_values({"alert_folders": ["alerts"]})
    for files in ((QUEST, own), (own, QUEST)):
        names = {group["name"] for group in groups(load_values(*files))}
        assert {"queues", "quest.service"} <= names


def test_the_last_values_file_wins(tmp_path: Path, write_values: WriteValues) -> None:
    later = write_values({"alerts": {"QuestsMissing": {"for": "1h"}}})
    assert load_values(QUEST, later).alerts.entry("QuestsMissing")["for"] == "1h"


def _alert(**changes: object) -> dict[str, object]:
    return ALERT | changes


def _value(**changes: object) -> dict[str, object]:
    return _alert(values={"threshold": ALERT["values"]["threshold"] | changes})  # type: ignore[index]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (_alert(summry="x"), "summry: unknown key; did you mean summary?"),
        (_alert(expr=None), "expr: input should be a valid string"),
        (_alert(**{"for": "soon"}), "for: write a Prometheus duration"),
        (_alert(severity="page"), "severity: input should be 'critical'"),
        (_value(typ="count"), "values.threshold.typ: unknown key"),
        (_value(type="minutes"), "values.threshold.type: input should be 'bytes'"),
        (_value(default=-1), "values.threshold: input should be greater than or equal to 0"),
        ({"summary": "Empty."}, "expr: field required"),
    ],
)
def test_a_bad_alert_is_refused_with_its_file_and_key(
    tmp_path: Path, write_values: WriteValues, content: object, problem: str
) -> None:
    path = _write(tmp_path, content)
    with pytest.raises(ConfigError) as caught:
        load_values(write_values({"alert_folders": ["alerts"]}))
    assert str(caught.value).startswith(f"{path}:")
    assert problem in str(caught.value)


def test_a_bad_group_is_refused_with_its_file_and_key(
    tmp_path: Path, write_values: WriteValues
) -> None:
    path = _write(tmp_path, ALERT, {"order": ["QueueShort"]}).with_name("group.yaml")
    with pytest.raises(ConfigError) as caught:
        load_values(write_values({"alert_folders": ["alerts"]}))
    assert str(caught.value).startswith(f"{path}:")
    assert "order.0: there is no QueueShort.yaml" in str(caught.value)


def test_an_alert_of_the_bundle_cannot_be_defined_again(
    tmp_path: Path, write_values: WriteValues
) -> None:
    _write(tmp_path, ALERT, name="PostgresDown")
    with pytest.raises(ConfigError, match="PostgresDown is in pg-migration-exporter"):
        load_values(write_values({"alert_folders": ["alerts"]}))


def test_a_folder_without_groups_is_refused(tmp_path: Path, write_values: WriteValues) -> None:
    values = write_values({"alert_folders": ["alerts"]})
    with pytest.raises(ConfigError, match=r"alert_folders\.0: .*alerts is not a folder"):
        load_values(values)
    (tmp_path / "alerts").mkdir()
    with pytest.raises(ConfigError, match=r"alerts has no groups, as in <group>/group\.yaml"):
        load_values(values)


@pytest.mark.parametrize("folders", ["alerts", [1], [""], None])
def test_folders_are_a_list_of_names(write_values: WriteValues, folders: object) -> None:
    with pytest.raises(ConfigError, match="alert_folders"):
        load_values(write_values({"alert_folders": folders}))


def test_samples_that_yaml_reads_as_a_number_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "QueueLong.test.yaml"
    path.write_text("tests: [{input_series: [{series: a, values: 0x60}]}]")
    with pytest.raises(ConfigError, match="write the values of a in quotes"):
        read_rule_tests(path)


def test_the_example_repeats_the_events_of_the_bundle() -> None:
    """Its list takes the place of the default one."""
    events = load_values(QUEST).alertmanager.events
    assert events == sorted({*load_values().alertmanager.events, "QuestValidationErrors"})


def test_quests_are_not_in_the_bundle() -> None:
    names = [name for group in alert_groups() for name in (group.name, *group.alerts)]
    assert not [name for name in names if "quest" in name.lower()]
    assert not list(CORE.rglob("*quest*"))
