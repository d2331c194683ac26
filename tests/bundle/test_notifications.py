"""What people read: a real Alertmanager sends real notifications to sinks on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

import httpx
import pytest

from pg_migration_exporter.bundle.render import KINDS, render, write
from pg_migration_exporter.bundle.values import load_values
from testbed.alertmanager import Alertmanager
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.bundle.sinks import http_sink, mail_sink
from tests.fixtures.yaml_text import load_yaml

LABELS = {"job": "j", "instance": "db:9886", "cluster": "eu", "datname": "quests"}
#: Slack would call everybody.
HOSTILE = "<!channel>"
#: Critical alerts of one group.
NAMES = ["DatabaseConnectionPoolExhausted", "DatabaseMigrationFailed"]


@dataclass
class Inbox:
    """Everything that came, by the way on which it came."""

    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    mails: list[Message] = field(default_factory=list)

    def post(self, path: str) -> dict[str, Any]:
        """Await the first content posted to `path`."""
        found = wait_until(
            lambda: [content for at, content in self.posts if at == path], 60, f"{path} is told"
        )
        return found[0]


@pytest.fixture(scope="module")
def inbox(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inbox]:
    """The default receivers, told of alerts of every severity: two of them critical."""
    inbox = Inbox()
    folder = tmp_path_factory.mktemp("notifying")
    with (
        http_sink(inbox.posts) as http,
        mail_sink(inbox.mails) as smtp,
        Alertmanager(workspace, _config(folder, http, smtp), "notifying") as alertmanager,
    ):
        content = [_alert(name, "critical") for name in NAMES]
        content += [_alert("A", "high"), _alert("B", "warning"), _alert("C", "info")]
        content += [_alert(f"D{number}", "warning", "many") for number in range(8)]
        content += [_alert("E", "warning", datname=""), _alert("Watchdog", "none")]
        content += [_alert("F", "warning", HOSTILE)]
        answer = httpx.post(f"{alertmanager.url}/api/v2/alerts", json=content, trust_env=False)
        answer.raise_for_status()
        yield inbox


def _config(folder: Path, http: str, smtp: str) -> dict[str, Any]:
    """Return the rendered configuration, at once, and with the sinks for PagerDuty and Slack."""
    write(render(["alertmanager"], load_values()), folder, lambda _: True)
    rendered = folder / KINDS["alertmanager"]
    text = (rendered / "alertmanager.yml").read_text()
    for secret in ("slack", "pagerduty"):
        (folder / secret).write_text(f"{http}/{secret}")
        text = text.replace(f"/etc/alertmanager/secrets/{secret}", str(folder / secret))
    config: dict[str, Any] = load_yaml(text.replace("http://localhost:9096", http))
    config["global"] |= {"smtp_smarthost": smtp, "smtp_require_tls": False}
    config["global"]["pagerduty_url"] = f"{http}/events"
    config["templates"] = [str(rendered / name) for name in config["templates"]]
    for route in config["route"]["routes"]:
        route["group_wait"] = "1s"  # of one request, so that they come together
    return config


def _alert(name: str, severity: str, datname: str = "quests") -> dict[str, Any]:
    labels = LABELS | {"alertname": name, "severity": severity, "datname": datname}
    return {
        "labels": labels,
        "annotations": {
            "summary": f"Summary of {name}.",
            "description": f"Description of {name} in {datname}.",
            "runbook_url": f"https://runbooks/{name}.md",
            "dashboard_url": f"https://grafana/d/x?var-datname={datname}",
        },
    }


def _slack(inbox: Inbox, beginning: str) -> dict[str, Any]:
    """Await the attachment of the first message whose title begins so."""

    def find() -> list[dict[str, Any]]:
        sent = [content["attachments"][0] for path, content in inbox.posts if path == "/slack"]
        return [attachment for attachment in sent if attachment["title"].startswith(beginning)]

    return wait_until(find, 60, f"Slack is told of {beginning}")[0]


def test_slack_message_has_a_short_title_and_what_to_do(inbox: Inbox) -> None:
    message = _slack(inbox, "CRIT")
    assert message["title"] == "CRIT DatabaseConnectionPoolExhausted +1 quests @eu"
    assert message["title_link"] == "https://grafana/d/x?var-datname=quests"
    first, second = message["text"].strip().split("\n\n")
    assert first.splitlines() == [
        "Summary of DatabaseConnectionPoolExhausted.",
        "Description of DatabaseConnectionPoolExhausted in quests.",
        "Runbook: https://runbooks/DatabaseConnectionPoolExhausted.md",
    ]
    assert second.startswith("Summary of DatabaseMigrationFailed.")


def test_one_alert_alone_is_not_counted(inbox: Inbox) -> None:
    assert _slack(inbox, "WARN B")["title"] == "WARN B quests @eu"


def test_what_is_of_no_database_says_of_which_instance(inbox: Inbox) -> None:
    assert _slack(inbox, "WARN E")["title"] == "WARN E db:9886 @eu"


def test_a_name_calls_nobody_in_slack(inbox: Inbox) -> None:
    message = _slack(inbox, "WARN F")
    assert HOSTILE not in message["title"] + message["fallback"] + message["text"]
    assert message["title"] == "WARN F &lt;!channel> @eu"
    assert "Description of F in &lt;!channel>." in message["text"]


def test_many_alerts_are_cut_and_counted(inbox: Inbox) -> None:
    text = _slack(inbox, "WARN D0")["text"]
    assert text.count("Runbook:") == 5
    assert text.strip().endswith("8 alerts fire; these are the first five.")


@pytest.mark.parametrize(("severity", "name"), [("critical", NAMES[0]), ("error", "A")])
def test_pagerduty_gets_the_key_and_a_severity_that_it_knows(
    inbox: Inbox, severity: str, name: str
) -> None:
    def find() -> list[dict[str, Any]]:
        events = [content for path, content in inbox.posts if path == "/events"]
        return [event for event in events if event["payload"]["severity"] == severity]

    event = wait_until(find, 60, f"PagerDuty is told of {name}")[0]
    assert event["event_action"] == "trigger"
    assert event["routing_key"].endswith("/pagerduty")
    assert name in event["payload"]["summary"]
    assert f"Runbook: https://runbooks/{name}.md" in event["payload"]["custom_details"]["firing"]
    assert event["client_url"] == "https://grafana/d/x?var-datname=quests"


def test_mail_is_plain_text(inbox: Inbox) -> None:
    [mail] = wait_until(lambda: inbox.mails, 60, "a mail arrives")
    assert mail["Subject"] == "INFO C quests @eu"
    assert mail["To"] == "migrations@localhost"
    parts = mail.get_payload()
    assert isinstance(parts, list)
    [part] = parts
    assert isinstance(part, Message)
    assert part.get_content_type() == "text/plain"
    text = part.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert text.decode().splitlines()[:3] == [
        "Summary of C.",
        "Description of C in quests.",
        "Runbook: https://runbooks/C.md",
    ]


def test_watchdog_reports_to_the_switch_and_to_nobody_else(inbox: Inbox) -> None:
    assert [alert["labels"]["alertname"] for alert in inbox.post("/watchdog")["alerts"]] == [
        "Watchdog"
    ]
    assert not [path for path, content in inbox.posts if "Watchdog" in str(content)][1:]
