"""A webhook on loopback that keeps what Alertmanager notifies it of."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from testbed.ports import LOOPBACK
from testbed.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Notification:
    """One alert of one notification; `received` is of time.monotonic()."""

    status: str
    labels: dict[str, str]
    annotations: dict[str, str]
    received: float

    @property
    def name(self) -> str:
        return self.labels["alertname"]


@dataclass(frozen=True, slots=True)
class Message:
    """One notification as people get it: about one or more alerts of a group."""

    receiver: str
    status: str
    severities: frozenset[str]

    @property
    def is_alarm(self) -> bool:
        """Say whether it tells somebody of something bad that is there now."""
        return self.status == "firing" and bool(self.severities - {"info", "none"})


class Receiver:
    """Records notifications in the order in which they come, and tells `on_notification`."""

    def __init__(self, on_notification: Callable[[Notification], None] = lambda _: None) -> None:
        self.notifications: list[Notification] = []
        self.messages: list[Message] = []
        self._on_notification = on_notification
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="receiver")

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_port}/"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receive = self._receive

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receive(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        return Handler

    def _receive(self, message: dict[str, Any]) -> None:
        severities = {alert["labels"].get("severity", "") for alert in message["alerts"]}
        self.messages.append(Message(message["receiver"], message["status"], frozenset(severities)))
        for alert in message["alerts"]:
            texts = alert["status"], alert["labels"], alert["annotations"]
            notification = Notification(*texts, received=time.monotonic())
            self.notifications.append(notification)
            self._on_notification(notification)

    def find(self, name: str, status: str = "firing") -> Notification | None:
        """Return the first notification of the alert `name`, if there is one."""
        matches = (
            notification
            for notification in self.notifications
            if (notification.name, notification.status) == (name, status)
        )
        return next(matches, None)

    def wait_for(self, name: str, status: str = "firing", timeout: float = 60) -> Notification:
        """Wait for the first notification of the alert `name`."""
        what = f"{name} is notified as {status}"
        return wait_until(lambda: self.find(name, status), timeout, what)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
