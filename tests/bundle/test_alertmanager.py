"""The rendered configuration of Alertmanager: who is told of what, and what silences what.

Routes are asked of amtool, inhibition of a running Alertmanager: alerts are posted to it, and it
says which of them it inhibits.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from pg_migration_exporter.bundle.render import KINDS, render, write
from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.bundle.values import load_values
from pg_migration_exporter.errors import ConfigError
from testbed.alertmanager import Alertmanager
from testbed.programs import program
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.bundle.conftest import Cli, WriteValues
from tests.fixtures.yaml_text import load_yaml

VALUES = load_values()
INHIBIT = VALUES.alertmanager.inhibit
EVENTS = set(VALUES.alertmanager.events)
RULES: list[dict[str, Any]] = [
    rule
    for file in render(["alerts"], VALUES)
    for group in load_yaml(file.text)["groups"]
    for rule in group["rules"]
    if "alert" in rule
]
SEVERITIES = {rule["alert"]: rule["labels"]["severity"] for rule in RULES}
#: From the one that tells people most to the one that tells nobody.
RANKS = ("critical", "high", "warning", "info", "none")
#: The one that is installed, and one of another release where $AMTOOL names it.
AMTOOLS = [str(program("amtool")), *filter(None, [os.environ.get("AMTOOL")])]
CAUSES = [(cause, effect) for cause, effects in INHIBIT.causes.items() for effect in effects]
STRONGER = [(strong, weak) for strong, weaker in INHIBIT.stronger.items() for weak in weaker]
TEAMS = {"alertmanager": {"teams": {"dba": {"critical": "mail", "info": "channel"}}}}


def _render(values: Values, folder: Path) -> Path:
    """Write Alertmanager's files below `folder`; the configuration's path."""
    write(render(["alertmanager"], values), folder, lambda _: True)
    return folder / KINDS["alertmanager"] / "alertmanager.yml"


def _receiver(config: Path, **labels: str) -> str:
    """Name of the one receiver of an alert with these labels."""
    asked = (program("amtool"), "config", "routes", "test", f"--config.file={config}")
    pairs = [f"{name}={value}" for name, value in labels.items()]
    return subprocess.run(
        [*asked, *pairs], capture_output=True, text=True, check=True
    ).stdout.strip()


# --- routes -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _render(VALUES, tmp_path_factory.mktemp("rendered"))


def _expected(alert: str, severity: str) -> str:
    if alert == "Watchdog":
        return f"{VALUES.alertmanager.watchdog.receiver}.firing"
    if severity == "none":
        return "nobody"
    receiver: str = getattr(VALUES.alertmanager.routes, severity).receiver
    return f"{receiver}.firing" if alert in EVENTS else receiver


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_reaches_the_receiver_of_its_severity(
    config: Path, rule: dict[str, Any]
) -> None:
    labels = rule["labels"] | {"alertname": rule["alert"], "datname": "quests"}
    assert _receiver(config, **labels) == _expected(rule["alert"], rule["labels"]["severity"])


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"alertname": "Watchdog", "severity": "none"}, "dead-mans-switch.firing"),
        ({"alertname": "DatabaseMigrationInProgress", "severity": "none"}, "nobody"),
        ({"alertname": "SomebodyElses", "severity": "page"}, "channel"),
        ({"alertname": "SomebodyElses"}, "channel"),
    ],
)
def test_what_is_no_incident_and_what_is_unknown(
    config: Path, labels: dict[str, str], receiver: str
) -> None:
    assert _receiver(config, **labels) == receiver


def test_a_team_has_receivers_of_its_own(tmp_path: Path, write_values: WriteValues) -> None:
    config = _render(load_values(write_values(TEAMS)), tmp_path)
    assert _receiver(config, severity="critical", team="dba") == "mail"
    assert _receiver(config, severity="info", team="dba") == "channel"
    assert _receiver(config, severity="high", team="dba") == "on-call"
    assert _receiver(config, severity="critical", team="web") == "on-call"
    event = {"alertname": "PostgresDeadlocks", "severity": "critical"}
    assert _receiver(config, **event, team="dba") == "mail.firing"
    assert _receiver(config, **event, team="web") == "on-call.firing"


def test_the_end_is_told_of_all_but_events_and_the_watchdog(config: Path) -> None:
    for receiver in load_yaml(config.read_text())["receivers"]:
        ways = [way for name, ways in receiver.items() if name != "name" for way in ways]
        is_told = not receiver["name"].endswith(".firing")
        assert [way["send_resolved"] for way in ways] == [is_told] * len(ways)


#: They ask for a maximum to compare with, and end with the state that they describe.
_COMPARE = {"PostgresCacheHitRateLow", "PostgresPrimaryNotOne", "PostgresReplicationSlotInactive"}


#: They end with the state: of a failure, of a standby that is back; the last notifies nobody.
_STATES = {"MigrationFailureUnresolved", "PostgresStandbyLost", "DatabaseLatencyUncounted"}


def _ends_with_its_window(rule: dict[str, Any]) -> bool:
    """Whether it asks at once what grew or began within a window, or was more within one."""
    if rule["alert"] in _STATES | _COMPARE:
        return False
    if rule["alert"] == "MigrationExporterVanished":
        return True
    grew = re.search(r"\bincrease\(|unless \S+ offset", rule["expr"])
    return "max_over_time(" in rule["expr"] or bool(grew and rule["for"] == "0s")


def test_alerts_that_end_with_their_window_are_events() -> None:
    assert {rule["alert"] for rule in RULES if _ends_with_its_window(rule)} == EVENTS


def test_alerts_of_one_database_come_together_and_no_servers(config: Path) -> None:
    group_by = load_yaml(config.read_text())["route"]["group_by"]
    assert group_by == [*INHIBIT.server, "datname"]
    # A team is who is told, not what it is about.
    assert {*VALUES.prometheus.identity} - {"team"} <= set(group_by)


#: Labels of an alert -> its receiver, with the receivers of the team `dba`.
ROUTED = [
    ({"alertname": "PostgresDown", "severity": "critical"}, "on-call"),
    ({"alertname": "PostgresDown", "severity": "critical", "team": "dba"}, "mail"),
    ({"alertname": "MigrationBlocked", "severity": "high", "team": "dba"}, "on-call"),
    ({"alertname": "MigrationDrifted", "severity": "warning", "namespace": "shop"}, "channel"),
    ({"alertname": "MigrationRolledBack", "severity": "warning"}, "channel.firing"),
    ({"alertname": "PostgresStandbyLost", "severity": "critical", "team": "dba"}, "mail"),
    ({"alertname": "MigrationPrecheckFailed", "severity": "info"}, "mail"),
    ({"alertname": "MigrationSucceeded", "severity": "info", "team": "dba"}, "channel.firing"),
    ({"alertname": "Watchdog", "severity": "none", "team": "dba"}, "dead-mans-switch.firing"),
    ({"alertname": "DatabaseMigrationInProgress", "severity": "none"}, "nobody"),
    ({"alertname": "KubePodCrashLooping", "severity": "page", "namespace": "shop"}, "channel"),
]


@pytest.fixture(scope="module")
def config_with_a_team(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("team")
    (folder / "my.yaml").write_text(yaml.safe_dump(TEAMS))
    return _render(load_values(folder / "my.yaml"), folder)


@pytest.mark.parametrize(("labels", "receiver"), ROUTED, ids=str)
def test_labels_lead_to_the_receiver(
    config_with_a_team: Path, labels: dict[str, str], receiver: str
) -> None:
    where = {"cluster": "eu", "job": "j", "instance": "db:9886", "datname": "game"}
    assert _receiver(config_with_a_team, **where, **labels) == receiver


# --- values -----------------------------------------------------------------------------------


def test_lists_name_alerts_of_the_bundle() -> None:
    silencing = {name for pair in (*CAUSES, *STRONGER) for name in pair}
    named = {*INHIBIT.down, *INHIBIT.never, *silencing, *EVENTS}
    assert named <= SEVERITIES.keys()


def test_only_what_is_as_severe_silences_and_no_failure_is_silenced() -> None:
    failures = {"DatabaseMigrationFailed", "IndexBuildFailed", "MigrationLockStale"}
    for alert, other in (*CAUSES, *STRONGER):
        is_mark = SEVERITIES[alert] == "none"
        worse = RANKS.index(SEVERITIES[alert]) <= RANKS.index(SEVERITIES[other])
        assert is_mark or worse, (alert, other)
        assert other not in failures


@pytest.mark.parametrize(
    ("key", "content", "message"),
    [
        ("teams", {"dba": {"critical": "pager"}}, "no receiver is called pager"),
        ("watchdog", {"receiver": "nobody-there"}, "no receiver is called nobody-there"),
        ("teams", {'a"b': {}}, "pattern"),
        ("receivers", {"x": {"slack": {"channel": "#x", "api_url_file": "relative"}}}, "pattern"),
        ("receivers", {"x": {"webhook": {"url": "https://user:secret@host/"}}}, "pattern"),
        ("receivers", {"x": {"sms": {}}}, "unknown key"),
        ("inhibit", {"never": ['A"|.*']}, "pattern"),
        ("events", ['A"|.*'], "pattern"),
        (
            "inhibit",
            {"stronger": {"MigrationBlocked": ["A"], "A": ["MigrationBlocksTraffic"]}},
            "let A silence itself",
        ),
        ("smtp", {"smarthost": "localhost"}, "pattern"),
    ],
)
def test_bad_values_are_refused(
    write_values: WriteValues, key: str, content: object, message: str
) -> None:
    with pytest.raises(ConfigError, match=rf"alertmanager.*{message}"):
        load_values(write_values({"alertmanager": {key: content}}))


def test_check_passes_every_way_to_tell(
    cli: Cli, tmp_path: Path, capsys: pytest.CaptureFixture[str], write_values: WriteValues
) -> None:
    ways = {
        "webhook": {"url": "https://host/", "credentials_file": "/run/secrets/token"},
        "opsgenie": {"api_key_file": "/run/secrets/opsgenie"},
    }
    smtp = {"username": "alerts", "password_file": "/run/secrets/smtp"}
    values = write_values(
        {"alertmanager": {"smtp": smtp, "receivers": {"on-call": ways}, **TEAMS["alertmanager"]}}
    )
    out = tmp_path / "out"
    assert cli("render", "alertmanager", "--values", values, "--out", out, "--check") == 0
    assert "passed amtool check-config\n" in capsys.readouterr().out


@pytest.mark.parametrize("amtool", AMTOOLS)
def test_other_releases_accept_the_configuration(config: Path, amtool: str) -> None:
    check = [amtool, "check-config", str(config)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("amtool", AMTOOLS)
def test_teams_needs_a_release_that_knows_workflows(
    tmp_path: Path, write_values: WriteValues, amtool: str
) -> None:
    receivers = {"channel": {"teams": {"webhook_url_file": "/run/secrets/teams"}}}
    values = load_values(write_values({"alertmanager": {"receivers": receivers}}))
    check = [amtool, "check-config", str(_render(values, tmp_path))]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr
    assert done.returncode == 0 or "field msteamsv2_configs not found" in told, told
    assert amtool == AMTOOLS[0] or done.returncode == 0


def test_check_warns_of_links_that_lead_nowhere(
    cli: Cli, tmp_path: Path, capsys: pytest.CaptureFixture[str], write_values: WriteValues
) -> None:
    def warnings(urls: dict[str, str]) -> list[str]:
        values = write_values({"urls": urls})
        cli("render", "alertmanager", "--values", values, "--out", tmp_path / "out", "--check")
        told = capsys.readouterr().err.splitlines()
        return [line for line in told if line.startswith("warning: ")]

    [runbooks, dashboard] = warnings({})
    assert "urls.runbooks: docs/runbooks has no host" in runbooks
    assert "urls.dashboard" in dashboard
    assert "leads to the reader's own machine" in dashboard
    assert warnings({"runbooks": "https://host/runbooks", "dashboard": "https://host/d/x"}) == []


# --- inhibition -------------------------------------------------------------------------------

HERE = {"job": "pg-migration-exporter", "instance": "one:9886", "cluster": "a"}
OTHER_INSTANCE = HERE | {"instance": "two:9886"}
OTHER_CLUSTER = HERE | {"cluster": "b"}
#: Names of those alerts, of some that fire together, that are silenced.
Silenced = Callable[..., set[str]]


@pytest.fixture(scope="module")
def running(workspace: Workspace, config: Path) -> Iterator[Alertmanager]:
    """An Alertmanager with the rendered routes and inhibition that tells nobody."""
    content = load_yaml(config.read_text())
    content["receivers"] = [{"name": receiver["name"]} for receiver in content["receivers"]]
    content["templates"] = [str(config.parent / name) for name in content["templates"]]
    with Alertmanager(workspace, content, "inhibiting") as alertmanager:
        yield alertmanager


@pytest.fixture
def silenced(running: Alertmanager, request: pytest.FixtureRequest) -> Silenced:
    """Post alerts, and two more of which one surely silences the other; await that one."""
    case = request.node.name  # in a cluster of its own, because alerts outlive their test

    def ask(*alerts: dict[str, str]) -> set[str]:
        ours = [labels | {"cluster": labels["cluster"] + case} for labels in alerts]
        sure = [_alert("PostgresDown"), _alert("PostgresCacheHitRateLow")]
        last = [labels | {"cluster": "sure" + case} for labels in sure]
        content = [{"labels": labels} for labels in (*ours, *last)]
        httpx.post(f"{running.url}/api/v2/alerts", json=content, trust_env=False).raise_for_status()
        wait_until(lambda: last[1] in _inhibited(running), 30, "the last alert is silenced")
        return {labels["alertname"] for labels in _inhibited(running) if labels in ours}

    return ask


def _inhibited(alertmanager: Alertmanager) -> list[dict[str, str]]:
    return [alert["labels"] for alert in alertmanager.alerts() if alert["status"]["inhibitedBy"]]


def _alert(name: str, where: dict[str, str] = HERE, /, **labels: str) -> dict[str, str]:
    severity = SEVERITIES.get(name, "warning")
    return {"alertname": name, "severity": severity, **where, **labels}


@pytest.mark.parametrize("source", INHIBIT.down)
def test_down_silences_all_but_failures_and_locks(silenced: Silenced, source: str) -> None:
    others = SEVERITIES.keys() - set(INHIBIT.down)
    spared = {name for name in others if SEVERITIES[name] == "none"} | set(INHIBIT.never)
    alerts = [_alert(name, datname=name) for name in others]  # so that none is another's cause
    assert silenced(_alert(source), *alerts) == others - spared


def test_the_first_that_is_down_silences_the_next(silenced: Silenced) -> None:
    assert silenced(*map(_alert, INHIBIT.down)) == set(INHIBIT.down[1:])


@pytest.mark.parametrize("source", INHIBIT.down)
@pytest.mark.parametrize("where", [OTHER_INSTANCE, OTHER_CLUSTER], ids=["instance", "cluster"])
def test_down_elsewhere_silences_nothing(
    silenced: Silenced, source: str, where: dict[str, str]
) -> None:
    assert silenced(_alert(source), _alert("DatabaseQueryLatencyHigh", where)) == set()


def test_no_target_at_all_silences_nothing_that_has_no_instance_either(silenced: Silenced) -> None:
    """absent() has no instance: as a missing label it would equal every other missing one."""
    nowhere = {"cluster": "a"}
    down, missing = _alert("MigrationExporterDown", nowhere), _alert("QuestsMissing", nowhere)
    assert silenced(down, missing) == set()


@pytest.mark.parametrize(("strong", "weak"), STRONGER)
def test_stronger_alert_silences_the_weaker_on_the_same_thing(
    silenced: Silenced, strong: str, weak: str
) -> None:
    same = {"datname": "quests", "pool": "x", "replica": "r"}
    assert silenced(_alert(strong, **same), _alert(weak, **same)) == {weak}


@pytest.mark.parametrize("label", [*INHIBIT.server, *INHIBIT.identity])
def test_stronger_alert_on_another_thing_silences_nothing(silenced: Silenced, label: str) -> None:
    (strong, weak), *_ = STRONGER
    this, that = HERE | {label: "this"}, HERE | {label: "that"}
    assert silenced(_alert(strong, this), _alert(weak, that)) == set()


@pytest.mark.parametrize("cause", INHIBIT.causes)
def test_a_cause_silences_what_follows_from_it_in_its_database(
    silenced: Silenced, cause: str
) -> None:
    effects = INHIBIT.causes[cause]
    database = {"datname": "quests"}
    further = [_alert(effect, **database, pool="p", relname="r") for effect in effects]
    elsewhere = [_alert(effect, datname="another") for effect in effects]
    silent = silenced(_alert(cause, **database), *further, *elsewhere)
    assert silent == set(effects)


@pytest.mark.parametrize("label", [*INHIBIT.server, "datname"])
def test_a_cause_elsewhere_silences_nothing(silenced: Silenced, label: str) -> None:
    (cause, effect), *_ = CAUSES
    this, that = HERE | {label: "this"}, HERE | {label: "that"}
    assert silenced(_alert(cause, this), _alert(effect, that)) == set()


def test_a_cause_of_no_server_silences_nothing(silenced: Silenced) -> None:
    """Missing labels equal one another."""
    (cause, effect), *_ = CAUSES
    nowhere = {"cluster": "a"}
    assert silenced(_alert(cause, nowhere), _alert(effect, nowhere)) == set()


@pytest.mark.parametrize(
    ("target", "labels", "is_silenced"),
    [
        ("PostgresCacheHitRateLow", {"during_migration": "mute"}, True),
        ("PostgresCacheHitRateLow", {}, False),
        ("PostgresCacheHitRateLow", {"during_migration": "mute", **OTHER_INSTANCE}, False),
        ("DatabaseMigrationFailed", {"during_migration": "mute"}, False),
        ("MigrationBlocksTraffic", {"during_migration": "mute"}, False),
    ],
)
def test_a_running_migration_silences_what_opted_in(
    silenced: Silenced, target: str, labels: dict[str, str], is_silenced: bool
) -> None:
    migration = _alert("DatabaseMigrationInProgress", datname="quests")
    other = _alert(target, HERE | labels)
    assert silenced(migration, other) == ({target} if is_silenced else set())
