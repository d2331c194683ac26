"""One cause is one notification, and each server has its own: alerts of incidents, replayed.

A real Alertmanager gets the alerts in the order in which their rules fire; a sink counts what it
sends to PagerDuty and to Slack. The times of routes and rules are shortened in proportion.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pg_migration_exporter.bundle.alert_rules import groups
from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.bundle.values import load_values, merge
from testbed.alertmanager import Alertmanager
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.bundle.phone import phone
from tests.bundle.sinks import http_sink, told_to_sinks
from tests.bundle.test_texts import EXPECTED
from tests.fixtures.pictures import Draw

#: With runbooks that a phone can open.
VALUES = Values.model_validate(
    merge(
        load_values().model_dump(by_alias=True),
        {"urls": {"runbooks": "https://runbooks.example.com"}},
    )
)
RULES = {
    rule["alert"]: rule for group in groups(VALUES) for rule in group["rules"] if "alert" in rule
}
#: Seconds that a minute of production takes.
SCALE = 1.0
JOB = "pg-migration-exporter"
#: Alert -> seconds after the migration began to wait until its condition holds. A statement of the
#: migration waits for a reader, and players queue behind it.
BLOCKED_MIGRATION = {
    "MigrationBlocked": 0,
    "MigrationBlocksTraffic": 5,
    "PostgresLockQueueLong": 5,
    "PostgresLockWaitLong": 0,
    "PostgresIdleInTransaction": 60,
    "PostgresTransactionLong": 120,
    "DatabaseQueryLatencyHigh": 30,
    "PostgresQueryLatencyAboveTarget": 30,
    "PostgresQueryLatencyRegressed": 30,
    "PostgresLatencyBudgetBurnFast": 30,
}
#: An index build waits for the end of older transactions; it blocks nobody.
BLOCKED_BUILD = {
    "IndexBuildBlocked": 60,
    "MigrationBlocked": 0,
    "DatabaseIndexBuildSlow": 300,
    "PostgresLockWaitLong": 30,
    "PostgresIdleInTransaction": 60,
    "PostgresTransactionLong": 120,
}


@dataclass
class Incident:
    """An Alertmanager, and everything that it sent."""

    alertmanager: Alertmanager
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def post(
        self,
        *alerts: dict[str, str],
        texts: dict[str, str] | None = None,
        ended: bool = False,
    ) -> None:
        """Tell Alertmanager of alerts that fire or have ended, with these annotations."""
        at = {"endsAt": datetime.now(UTC).isoformat()} if ended else {}
        content = [{"labels": labels, "annotations": texts or {}, **at} for labels in alerts]
        url = f"{self.alertmanager.url}/api/v2/alerts"
        httpx.post(url, json=content, trust_env=False).raise_for_status()

    def events(self, place: str, action: str = "trigger") -> list[dict[str, Any]]:
        """Return PagerDuty's events whose summary names the place."""
        return [
            event
            for path, event in self.sent
            if path == "/events" and event["event_action"] == action
            if place in event["payload"]["summary"]
        ]

    def messages(self, place: str) -> list[str]:
        """Return the titles of Slack's messages that name the place, without those of an end."""
        titles = [post["attachments"][0]["title"] for path, post in self.sent if path == "/slack"]
        return [title for title in titles if place in title and not title.startswith("RESOLVED")]


@pytest.fixture(scope="module")
def incident(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Incident]:
    sent: list[tuple[str, dict[str, Any]]] = []
    folder = tmp_path_factory.mktemp("incidents")
    with http_sink(sent) as http:
        config = told_to_sinks(VALUES, folder, http, "localhost:25")
        _shorten(config["route"])
        with Alertmanager(workspace, config, "incidents") as alertmanager:
            yield Incident(alertmanager, sent)


def _shorten(route: dict[str, Any]) -> None:
    for key in ("group_wait", "group_interval"):
        if key in route:
            route[key] = f"{_scaled(route[key]) * 1000:.0f}ms"
    for child in route.get("routes", ()):
        _shorten(child)


def _scaled(duration: str) -> float:
    """Return the seconds that a duration such as 30s takes here."""
    unit = {"s": 1, "m": 60, "h": 3600}[duration[-1]]
    return int(duration[:-1]) * unit / 60 * SCALE


def _alert(name: str, **labels: str) -> dict[str, str]:
    severity = RULES[name]["labels"]["severity"]
    return {"alertname": name, "severity": severity, "job": JOB, **labels}


# --- servers ----------------------------------------------------------------------------------


def test_the_outage_of_a_second_server_is_an_incident_of_its_own(incident: Incident) -> None:
    one, two = (_alert("PostgresDown", instance=f"{name}:9886") for name in ("one", "two"))
    incident.post(one)
    [first] = wait_until(lambda: incident.events("one:9886"), 30, "the first incident is opened")
    incident.post(two)
    [second] = wait_until(lambda: incident.events("two:9886"), 30, "the second one is opened")
    assert first["payload"]["summary"] == "CRIT PostgresDown one:9886"
    assert second["payload"]["summary"] == "CRIT PostgresDown two:9886"
    assert first["payload"]["source"] == "one:9886"
    assert first["dedup_key"] != second["dedup_key"]

    incident.post(two, ended=True)
    [end] = wait_until(
        lambda: incident.events("two:9886", "resolve"), 30, "the second incident ends"
    )
    assert end["dedup_key"] == second["dedup_key"]
    assert not incident.events("one:9886", "resolve")


@pytest.mark.parametrize("label", ["cluster", "namespace", "job", "instance", "datname"])
def test_what_tells_servers_apart_makes_another_incident(incident: Incident, label: str) -> None:
    place = f"apart-{label}:9886"
    same = {"instance": place, "datname": "game"}
    other = same | {label: f"{place}-2"}
    incident.post(*(_alert("DatabaseMigrationFailed", **labels) for labels in (same, other)))
    wait_until(lambda: len(incident.events(place)) == 2, 30, "both are told")
    assert len({event["dedup_key"] for event in incident.events(place)}) == 2


# --- one cause, one notification --------------------------------------------------------------


def _replay(incident: Incident, begin: dict[str, int], labels: dict[str, str]) -> None:
    """Post each alert when its rule would fire, then await a warning that fires later."""
    started = time.monotonic()
    fires = {
        name: delay / 60 * SCALE + _scaled(RULES[name]["for"]) for name, delay in begin.items()
    }
    for name in sorted(fires, key=lambda name: fires[name]):
        _reach(started + fires[name])
        incident.post(_alert(name, **labels))
    _reach(time.monotonic() + _scaled(VALUES.alertmanager.routes.warning.group_wait))
    later = {"instance": f"later-{len(begin)}:9886"}
    incident.post(_alert("MigrationDrifted", **later))
    wait_until(lambda: incident.messages(later["instance"]), 60, "a later warning is told")


def _reach(at: float) -> None:
    """Let time pass until the clock says `at`."""
    wait_until(lambda: time.monotonic() >= at, 120, "the alert is due", interval=0.02)


@pytest.mark.parametrize(
    ("begin", "title"),
    [
        (BLOCKED_MIGRATION, "CRIT MigrationBlocksTraffic game blocked:9886"),
        (BLOCKED_BUILD, "WARN IndexBuildBlocked game build:9886"),
    ],
    ids=["migration", "index build"],
)
def test_one_cause_is_one_notification(
    incident: Incident, begin: dict[str, int], title: str
) -> None:
    *_, datname, instance = title.split()
    _replay(incident, begin, {"instance": instance, "datname": datname})
    pages = [] if title.startswith("WARN") else [title]
    assert [event["payload"]["summary"] for event in incident.events(instance)] == pages
    assert incident.messages(instance) == [title]


def test_the_same_alerts_on_another_server_are_told(incident: Incident) -> None:
    here, there = ({"instance": f"{name}:9886", "datname": "game"} for name in ("here", "there"))
    incident.post(_alert("MigrationBlocksTraffic", **here), _alert("MigrationBlocked", **there))
    titles = wait_until(lambda: incident.messages("there:9886"), 30, "the other server is told of")
    assert titles == ["WARN MigrationBlocked game there:9886"]


def test_a_failure_that_can_be_read_no_more_is_not_told_as_mended(incident: Incident) -> None:
    where = {"instance": "unread:9886", "datname": "game"}
    failed = _alert("DatabaseMigrationFailed", **where, status="failed")
    incident.post(failed)
    wait_until(lambda: incident.events("unread:9886"), 30, "the failure is told")
    incident.post(_alert("MigrationFailureUnresolved", **where))
    incident.post(failed, ended=True)
    _reach(time.monotonic() + 2 * _scaled(VALUES.alertmanager.routes.critical.group_interval))
    incident.post(_alert("PostgresDown", instance="after-unread:9886"))
    wait_until(lambda: incident.events("after-unread:9886"), 30, "a later page is told")
    assert not incident.events("unread:9886", "resolve")


# --- the phone --------------------------------------------------------------------------------


def test_a_phone_shows_what_happens_where_and_what_to_do(incident: Incident, draw: Draw) -> None:
    """The texts are those of the rule's unit test: what Prometheus sends."""
    labels, texts = EXPECTED["MigrationBlocksTraffic"][0]
    web = {"runbook_url": f"https://runbooks.example.com/{labels['alertname']}.md"}
    incident.post(labels | {"cluster": "eu"}, texts=texts | web)
    [event] = wait_until(lambda: incident.events("@eu"), 30, "PagerDuty is told")
    [message] = wait_until(
        lambda: [post for path, post in incident.sent if path == "/slack" and "@eu" in str(post)],
        30,
        "Slack is told",
    )
    assert event["payload"]["summary"] == "CRIT MigrationBlocksTraffic game db1:9886 @eu"
    assert "First: " in message["attachments"][0]["text"]
    draw("notification-phone.png", lambda: phone(event, message))
