"""The bundle's files for the demo: rules, Alertmanager's routes, settings of the server's log.

They are rendered as users render them, with the short durations of `demo/values.yaml`.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from testbed.errors import StackError
from testbed.programs import ROOT, exporter_command, postgres_bindir, postgres_major
from testbed.workspace import Workspace

#: The example of quests first: the durations of the demo override its own.
_VALUES = (ROOT / "examples/quest/values.yaml", ROOT / "demo/values.yaml")


@dataclass(frozen=True, slots=True)
class Bundle:
    """The rendered files in a folder."""

    folder: Path

    @classmethod
    def render(cls, folder: Path) -> Bundle:
        """Render all files. Raises StackError."""
        command: list[str | Path] = [exporter_command(), "render", "all"]
        for file in _VALUES:
            command += ["--values", file]
        done = subprocess.run(
            [*command, "--out", folder], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise StackError(f"the bundle cannot be rendered:\n{done.stderr}")
        return cls(folder)

    def log_settings(self, workspace: Workspace, server: str) -> dict[str, str]:
        """Return the settings for a log that the pipeline reads, in a folder of the server."""
        log = workspace.folder(f"{server}_log", for_servers=True)
        format_name = "jsonlog" if postgres_major(postgres_bindir()) >= 15 else "csvlog"
        # The last occurrence of a setting counts.
        return {
            "include": str(self.folder / "fluent-bit/postgresql.conf"),
            "log_destination": format_name,
            "log_directory": str(log),
        }

    def rules(self) -> list[Path]:
        return sorted(self.folder.glob("alerts/*.yaml"))

    def alertmanager(self, url: str) -> dict[str, Any]:
        """Return Alertmanager's configuration, with a webhook in place of all receivers."""
        rendered = self.folder / "deploy/alertmanager"
        config: dict[str, Any] = yaml.safe_load((rendered / "alertmanager.yml").read_text())
        config["templates"] = [str(rendered / name) for name in config["templates"]]
        webhook = {"webhook_configs": [{"url": url, "send_resolved": True}]}
        config["receivers"] = [
            {"name": receiver["name"], **(webhook if len(receiver) > 1 else {})}
            for receiver in config["receivers"]
        ]
        return config
