"""A real Fluent Bit with the rendered configuration."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pg_migration_exporter.bundle.render import render, write
from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.bundle.values import load_values, merge
from testbed.ports import LOOPBACK, free_port
from testbed.service import HttpService
from testbed.workspace import Workspace

MISSING = "no fluent-bit in PATH and no FLUENT_BIT=/path/to/it"


def fluent_bit_program() -> Path | None:
    """Return the path of Fluent Bit, which Debian does not package: $FLUENT_BIT or from PATH."""
    found = os.environ.get("FLUENT_BIT") or shutil.which("fluent-bit")
    return Path(found) if found else None


def log_values(*overrides: Mapping[str, Any]) -> Values:
    """Return the default values with these changes to `logs`; later ones take precedence."""
    values: dict[str, Any] = load_values().model_dump(by_alias=True)
    for override in overrides:
        values = merge(values, {"logs": dict(override)})
    return Values.model_validate(values)


def write_pipeline(values: Values, folder: Path) -> Path:
    """Render the configurations below `folder`; return their folder."""
    write(render(["fluent-bit"], values), folder, lambda _: True)
    return folder / "fluent-bit"


class FluentBit(HttpService):
    """A Fluent Bit that reads the logs of a folder with a rendered configuration."""

    health_path = "/"

    def __init__(
        self,
        workspace: Workspace,
        program: Path,
        name: str,
        logs: Mapping[str, Any],
        config: str = "jsonlog.yaml",
    ) -> None:
        """`logs` overrides the `logs` part of the values."""
        super().__init__(workspace, name)
        self._program = program
        self.metrics_port = free_port()
        self.state = self.folder / "state"
        self.state.mkdir()
        self.place: Mapping[str, Any] = {
            "state": str(self.state),
            "metrics": {"listen": LOOPBACK, "port": self.metrics_port, "health_port": self.port},
        }
        self.config = self.configure(logs) / config

    def configure(self, logs: Mapping[str, Any]) -> Path:
        """Render the configuration; return its folder."""
        return write_pipeline(log_values(self.place, logs), self.folder)

    def environment(self) -> Mapping[str, str]:
        return {"LOGS_USER": "logs", "LOGS_PASSWORD": "logs", "LOGS_SERVER": "primary"}

    @property
    def address(self) -> str:
        """The address of its metrics."""
        return f"{LOOPBACK}:{self.metrics_port}"

    def command(self) -> Sequence[str | Path]:
        return [self._program, "-c", self.config]
