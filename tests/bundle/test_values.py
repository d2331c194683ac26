from __future__ import annotations

from pathlib import Path

import pytest

from pg_migration_exporter.bundle.values import default_values, load_values
from pg_migration_exporter.bundle.values_document import values_document
from pg_migration_exporter.errors import ConfigError
from tests.bundle.conftest import WriteValues
from tests.fixtures.yaml_text import load_yaml


def test_defaults_are_valid() -> None:
    assert load_values().alerts.entry("DatabaseQueryLatencyHigh")["threshold"] == 0.1


def test_every_number_duration_and_url_of_the_defaults_has_a_comment() -> None:
    # Explained once: what every alert has above the alerts, tables and lists above them.
    inhibit = load_values().alertmanager.inhibit
    shared = {"for", "severity", "labels", *inhibit.causes, *inhibit.stronger}
    previous = ""
    for line in values_document().splitlines():
        key, colon, value = line.strip().partition(": ")
        if colon and not key.startswith(("#", "- ")) and key not in shared:
            assert previous.strip().startswith("#"), f"no comment above {key}: {value}"
        previous = line


def test_the_documented_values_are_the_defaults() -> None:
    assert load_yaml(values_document()) == default_values()


def test_user_values_are_merged_deep(write_values: WriteValues) -> None:
    path = write_values(
        {"alerts": {"DatabaseReplicationLagHigh": {"threshold": 120, "labels": {"team": "dba"}}}}
    )
    alerts = load_values(path).alerts
    alert = alerts.entry("DatabaseReplicationLagHigh")
    assert alert["threshold"] == 120
    assert alert["labels"] == {"category": "replication", "team": "dba"}
    assert alert["for"] == "5m"
    assert alerts.entry("DatabaseIndexBuildSlow")["threshold"] == 300


def test_empty_file_changes_nothing(write_values: WriteValues) -> None:
    assert load_values(write_values("# nothing yet\n")) == load_values()


def _alert(name: str, **settings: object) -> dict[str, object]:
    return {"alerts": {name: settings}}


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        ({"alert": {}}, "alert: unknown key", "did you mean alerts?"),
        (_alert("PostgresUp"), "alerts.PostgresUp: unknown key", "did you mean PostgresDown?"),
        (
            _alert("PostgresDown", threshold=1),
            "alerts.PostgresDown.threshold: unknown key",
            "known keys: annotations, enabled, for, keep_firing_for, labels, severity",
        ),
        (
            _alert("DatabaseIndexBuildSlow", threshold="300"),
            "alerts.DatabaseIndexBuildSlow.threshold",
            "valid number",
        ),
        (
            _alert("DatabaseIndexBuildSlow", threshold=True),
            "alerts.DatabaseIndexBuildSlow.threshold",
            "valid number",
        ),
        (
            _alert("DatabaseIndexBuildSlow", threshold=float("nan")),
            "alerts.DatabaseIndexBuildSlow.threshold",
            "finite",
        ),
        (
            _alert("DatabaseConnectionPoolExhausted", threshold=90),
            "alerts.DatabaseConnectionPoolExhausted.threshold",
            "less than 1",
        ),
        (_alert("PostgresDown", **{"for": 5}), "alerts.PostgresDown.for", "such as 30s"),
        (_alert("PostgresDown", **{"for": "5 min"}), "alerts.PostgresDown.for", "such as 30s"),
        (_alert("PostgresDown", **{"for": ""}), "alerts.PostgresDown.for", "such as 30s"),
        (
            _alert("DatabaseQueryLatencyHigh", window="0s"),
            "alerts.DatabaseQueryLatencyHigh.window",
            "above zero",
        ),
        (_alert("PostgresDown", severity="page"), "alerts.PostgresDown.severity", "'critical'"),
        (
            _alert("PostgresDown", labels={"a-b": "x"}),
            "alerts.PostgresDown.labels.a-b",
            "letters, digits and _",
        ),
        (
            _alert("PostgresDown", labels={"severity": "x"}),
            "alerts.PostgresDown.labels.severity",
            "severity key",
        ),
        (
            _alert("PostgresDown", labels={"team": "a\nb"}),
            "alerts.PostgresDown.labels.team",
            "one line",
        ),
        (
            _alert("MigrationExporterBlind", collectors=[]),
            "alerts.MigrationExporterBlind.collectors",
            "at least 1",
        ),
        (
            _alert("MigrationExporterBlind", collectors=['x"} or vector(1)']),
            "alerts.MigrationExporterBlind.collectors.0",
            "pattern",
        ),
        ({"prometheus": {"job": 'a"b'}}, "prometheus.job", "pattern"),
        ({"urls": {"runbooks": "http://wiki/x?page=1"}}, "urls.runbooks", "without spaces"),
        ({"urls": {"runbooks": "javascript:alert(1)//"}}, "urls.runbooks", "http or https URL"),
        ({"urls": {"dashboard": "JavaScript:alert(1)"}}, "urls.dashboard", "http or https URL"),
        ({"urls": {"alertmanager": "data:text/html,x"}}, "urls.alertmanager", "http or https"),
        ({"urls": {"alertmanager": "http://u:p@h"}}, "urls.alertmanager", "without a user"),
        ({"alerts": None}, "alerts", "dictionary"),
        (["alerts"], "contains a list", "a mapping"),
        ("alerts: [", ":1:10: not valid YAML", "expected"),
        ("\x00", "not valid YAML", ""),
    ],
)
def test_bad_values_are_named_with_their_place(
    write_values: WriteValues, content: object, where: str, what: str
) -> None:
    path = write_values(content)
    with pytest.raises(ConfigError) as caught:
        load_values(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:")
    assert where in message
    assert what in message
    assert "\n" not in message


def test_every_problem_gets_its_own_line(write_values: WriteValues) -> None:
    path = write_values({"alert": {}, "alerts": {"PostgresDown": {"for": 1, "severity": "page"}}})
    with pytest.raises(ConfigError) as caught:
        load_values(path)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("content", [b"\xff\xfe\xfa", b"a: &a [*a]"])
def test_hostile_bytes_are_bad_values(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"hostile\.yaml(:1)?: "):
        load_values(path)


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read: No such file"):
        load_values(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match="not a regular file"):
        load_values(tmp_path)


def test_values_can_not_be_changed_after_validation() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_values().urls.runbooks = "elsewhere"
