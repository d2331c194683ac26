"""What Alertmanager's notifications go to: an HTTP address and a mail server that keep them."""

from __future__ import annotations

import email
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from pg_migration_exporter.bundle.render import KINDS, render, write
from pg_migration_exporter.bundle.schema import Values
from testbed.ports import LOOPBACK
from tests.fixtures.yaml_text import load_yaml


@contextmanager
def _serving(handler: type[socketserver.BaseRequestHandler]) -> Iterator[str]:
    """Serve on a free port; its address."""
    with socketserver.ThreadingTCPServer((LOOPBACK, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"{LOOPBACK}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def http_sink(received: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """Take JSON at any path; path and content are appended to `received`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.append((self.path, content))
            self.send_response(202)  # what PagerDuty answers; all others take any success
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with _serving(Handler) as address:
        yield f"http://{address}"


@contextmanager
def mail_sink(received: list[Message]) -> Iterator[str]:
    """Take mail without encryption or password (RFC 5321)."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 sink")
            for line in self.rfile:
                command = line.decode().split()[0].upper()
                if command == "DATA":
                    self._say("354 go on")
                    received.append(email.message_from_bytes(self._data()))
                self._say("221 bye" if command == "QUIT" else "250 ok")
                if command == "QUIT":
                    return

        def _data(self) -> bytes:
            return b"".join(iter(self.rfile.readline, b".\r\n"))

        def _say(self, answer: str) -> None:
            self.wfile.write(f"{answer}\r\n".encode())

    with _serving(Handler) as address:
        yield address


def told_to_sinks(values: Values, folder: Path, http: str, smtp: str) -> dict[str, Any]:
    """Render Alertmanager's configuration into `folder`; its content, with sinks for all receivers.

    PagerDuty's events arrive at /events, Slack's messages at /slack.
    """
    write(render(["alertmanager"], values), folder, lambda _: True)
    rendered = folder / KINDS["alertmanager"]
    text = (rendered / "alertmanager.yml").read_text()
    for secret in ("slack", "pagerduty", "teams", "opsgenie"):
        (folder / secret).write_text(f"{http}/{secret}")
        text = text.replace(f"/etc/alertmanager/secrets/{secret}", str(folder / secret))
    for host in ("http://localhost:9096", "https://api.opsgenie.com"):
        text = text.replace(host, http)
    config: dict[str, Any] = load_yaml(text)
    config["global"] |= {"smtp_smarthost": smtp, "smtp_require_tls": False}
    config["global"]["pagerduty_url"] = f"{http}/events"
    config["templates"] = [str(rendered / name) for name in config["templates"]]
    return config
