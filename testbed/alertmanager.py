"""A real Alertmanager that sends everything to one webhook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from testbed.ports import LOOPBACK
from testbed.programs import program
from testbed.service import HttpService
from testbed.workspace import Workspace


def webhook_config(url: str) -> dict[str, Any]:
    """Return a configuration that sends each alert alone and at once."""
    route = {
        "receiver": "webhook",
        "group_by": ["..."],
        "group_wait": "0s",
        "group_interval": "1s",
        "repeat_interval": "1h",
    }
    webhook = {"url": url, "send_resolved": True}
    return {"route": route, "receivers": [{"name": "webhook", "webhook_configs": [webhook]}]}


class Alertmanager(HttpService):
    """A single Alertmanager, without a cluster."""

    def __init__(
        self, workspace: Workspace, config: dict[str, Any], name: str = "alertmanager"
    ) -> None:
        super().__init__(workspace, name)
        self.config = self.folder / "alertmanager.yml"
        self.config.write_text(yaml.safe_dump(config, sort_keys=False))

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def command(self) -> Sequence[str | Path]:
        return [
            program("alertmanager"),
            f"--config.file={self.config}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",
        ]

    def alerts(self) -> list[dict[str, Any]]:
        """Return the active alerts, with `labels`, `annotations` and `status`."""
        alerts: list[dict[str, Any]] = self.api("/api/v2/alerts")
        return alerts

    def inhibited(self) -> set[str]:
        """Return the names of the alerts that another alert inhibits."""
        return {
            alert["labels"]["alertname"]
            for alert in self.alerts()
            if alert["status"]["inhibitedBy"]
        }
