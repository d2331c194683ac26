"""What people read: a real Alertmanager sends real notifications to sinks on loopback."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
import yaml

from pg_migration_exporter.bundle.render import KINDS, render, write
from pg_migration_exporter.bundle.values import load_values
from testbed.alertmanager import Alertmanager
from testbed.programs import program
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.bundle.sinks import http_sink, mail_sink, told_to_sinks

LABELS = {"job": "j", "instance": "db:9886", "cluster": "eu", "datname": "quests"}
#: Runbooks that a phone can open, and Opsgenie beside the default receivers.
OURS = {
    "urls": {"runbooks": "https://runbooks"},
    "alertmanager": {
        "receivers": {"mail": {"opsgenie": {"api_key_file": "/etc/alertmanager/secrets/opsgenie"}}}
    },
}
#: Alertmanager does not wait for more alerts of a group once its oldest is older than group_wait.
SINCE = datetime.now(UTC) + timedelta(minutes=1)
SINCE_TEXT = f"{SINCE.day} {SINCE:%b %H:%M} UTC"
#: Slack would call everybody.
HOSTILE = "<!channel>"
#: Critical alerts of one group.
NAMES = ["DatabaseConnectionPoolExhausted", "DatabaseMigrationFailed"]


@dataclass
class Inbox:
    """Everything that came from an Alertmanager, by the way on which it came."""

    alertmanager: Alertmanager
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
    posts: list[tuple[str, dict[str, Any]]] = []
    mails: list[Message] = []
    folder = tmp_path_factory.mktemp("notifying")
    with (
        http_sink(posts) as http,
        mail_sink(mails) as smtp,
        Alertmanager(workspace, _config(folder, http, smtp), "notifying") as alertmanager,
    ):
        content = [_alert(name, "critical") for name in NAMES]
        content += [_alert("A", "high"), _alert("B", "warning"), _alert("C", "info")]
        content += [_alert(f"D{number}", "warning", "many") for number in range(8)]
        content += [_alert("E", "warning", datname=""), _alert("Watchdog", "none")]
        content += [_alert("F", "warning", HOSTILE)]
        answer = httpx.post(f"{alertmanager.url}/api/v2/alerts", json=content, trust_env=False)
        answer.raise_for_status()
        yield Inbox(alertmanager, posts, mails)


def _config(folder: Path, http: str, smtp: str) -> dict[str, Any]:
    """Return the rendered configuration, at once, and with the sinks for PagerDuty and Slack."""
    (folder / "my.yaml").write_text(yaml.safe_dump(OURS))
    config = told_to_sinks(load_values(folder / "my.yaml"), folder, http, smtp)
    for route in config["route"]["routes"]:
        route["group_wait"] = "1s"  # of one request, so that they come together
    return config


def _alert(name: str, severity: str, datname: str = "quests") -> dict[str, Any]:
    labels = LABELS | {"alertname": name, "severity": severity, "datname": datname}
    return {
        "labels": labels,
        "startsAt": SINCE.isoformat(),
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
    assert message["title"] == "CRIT DatabaseConnectionPoolExhausted +1 quests db:9886 @eu"
    assert message["title_link"] == "https://grafana/d/x?var-datname=quests"
    first, second = message["text"].strip().split("\n\n")
    assert first.splitlines() == [
        "Summary of DatabaseConnectionPoolExhausted.",
        "Description of DatabaseConnectionPoolExhausted in quests.",
        f"Since <!date^{int(SINCE.timestamp())}^{{date_short_pretty}} {{time}}|{SINCE_TEXT}>",
        "Runbook: https://runbooks/DatabaseConnectionPoolExhausted.md",
    ]
    assert second.startswith("Summary of DatabaseMigrationFailed.")


def test_one_alert_alone_is_not_counted(inbox: Inbox) -> None:
    assert _slack(inbox, "WARN B")["title"] == "WARN B quests db:9886 @eu"


def test_what_is_of_no_database_says_of_which_instance(inbox: Inbox) -> None:
    assert _slack(inbox, "WARN E")["title"] == "WARN E db:9886 @eu"


def test_a_name_calls_nobody_in_slack(inbox: Inbox) -> None:
    message = _slack(inbox, "WARN F")
    assert HOSTILE not in message["title"] + message["fallback"] + message["text"]
    assert message["title"] == "WARN F &lt;!channel> db:9886 @eu"
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

    links = {link["text"]: link["href"] for link in event["links"]}
    assert links["Dashboard"] == event["client_url"]
    assert links["Runbook"] == f"https://runbooks/{name}.md"
    assert links["Silence"].startswith("http")
    payload = event["payload"]
    assert (payload["source"], payload["class"]) == ("db:9886", name)
    assert (payload["component"], payload["group"]) == ("quests", "eu")


def test_slack_has_buttons_and_a_color_for_the_severity(inbox: Inbox) -> None:
    message = _slack(inbox, "WARN B")
    buttons = {button["text"]: button["url"] for button in message["actions"]}
    assert [*buttons] == ["Runbook", "Dashboard", "Silence"]
    assert buttons["Runbook"] == "https://runbooks/B.md"
    assert buttons["Dashboard"] == message["title_link"]
    colors = {_slack(inbox, title)["color"] for title in ("CRIT", "HIGH A", "WARN B")}
    assert len(colors) == 3


def test_the_button_silences_these_alerts_alone(inbox: Inbox) -> None:
    """Alertmanager itself reads the matchers."""
    buttons = {button["text"]: button["url"] for button in _slack(inbox, "WARN F")["actions"]}
    filter_ = unquote(buttons["Silence"].partition("?filter=")[2])
    matchers = re.findall(r'\w+="(?:[^"\\]|\\.)*"', filter_)
    assert "{" + ",".join(matchers) + "}" == filter_
    asked = [("filter", matcher) for matcher in matchers]
    url = f"{inbox.alertmanager.url}/api/v2/alerts"
    found = httpx.get(url, params=asked, trust_env=False).raise_for_status().json()
    assert [alert["labels"]["alertname"] for alert in found] == ["F"]


def test_opsgenie_is_told_with_a_priority(inbox: Inbox) -> None:
    told = inbox.post("/v2/alerts")
    assert told["message"] == "INFO C quests db:9886 @eu"
    assert told["priority"] == "P5"
    assert told["source"] == told["entity"] == "db:9886"
    assert told["tags"] == ["info", "C", "quests"]
    assert told["details"]["Runbook"] == "https://runbooks/C.md"
    assert f"Since {SINCE_TEXT}" in told["description"]


def test_mail_is_plain_text(inbox: Inbox) -> None:
    [mail] = wait_until(lambda: inbox.mails, 60, "a mail arrives")
    assert mail["Subject"] == "INFO C quests db:9886 @eu"
    assert mail["To"] == "migrations@localhost"
    parts = mail.get_payload()
    assert isinstance(parts, list)
    [part] = parts
    assert isinstance(part, Message)
    assert part.get_content_type() == "text/plain"
    text = part.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert text.decode().splitlines()[:4] == [
        "Summary of C.",
        "Description of C in quests.",
        f"Since {SINCE_TEXT}",
        "Runbook: https://runbooks/C.md",
    ]


def test_watchdog_reports_to_the_switch_and_to_nobody_else(inbox: Inbox) -> None:
    assert [alert["labels"]["alertname"] for alert in inbox.post("/watchdog")["alerts"]] == [
        "Watchdog"
    ]
    assert not [path for path, content in inbox.posts if "Watchdog" in str(content)][1:]


def test_teams_gets_markdown_in_which_a_name_is_no_link(tmp_path: Path) -> None:
    """Alertmanager before 0.28 cannot send to a workflow, but amtool can render the texts."""
    write(render(["alertmanager"], load_values()), tmp_path, lambda _: True)
    alert = _alert("A", "high", "[click](http://evil)")
    data = {
        "status": "firing",
        "alerts": [{**alert, "status": "firing", "startsAt": SINCE.isoformat()}],
        "groupLabels": {"instance": "db:9886"},
        "commonLabels": alert["labels"],
        "externalURL": "https://alertmanager",
    }
    (tmp_path / "data.json").write_text(json.dumps(data))
    texts = {name: _rendered(tmp_path, f"pg_migration.teams_{name}") for name in ("title", "text")}
    assert texts["title"] == "HIGH A click(http://evil) db:9886 @eu"
    assert texts["text"].splitlines()[:7] == [
        "Summary of A.",
        "",
        "Description of A in click(http://evil).",
        "",
        f"Since {SINCE_TEXT}",
        "",
        "[Runbook](https://runbooks/A.md)",
    ]
    assert "[Silence](https://alertmanager/#/silences/new?filter=%7Balertname" in texts["text"]


def _rendered(folder: Path, name: str) -> str:
    templates = folder / KINDS["alertmanager"] / "notifications.tmpl"
    command = [
        str(program("amtool")),
        "template",
        "render",
        f"--template.glob={templates}",
        f"--template.data={folder / 'data.json'}",
        f'--template.text={{{{ template "{name}" . }}}}',
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return str(done.stdout).strip()
