"""A real Fluent Bit with the rendered configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml

from demo.stack.ports import LOOPBACK, free_port
from demo.stack.service import HttpService
from demo.stack.workspace import Workspace
from pg_migration_exporter.bundle.values import merge
from tests.fixtures.exporters import Page
from tests.fixtures.fluent_bit import log_values, rendered, write_pipeline

USER, PASSWORD = "logs", "secret of the logs"


class FluentBit(HttpService):
    """Reads the logs of a folder with one of the rendered configurations."""

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
        self._place = {
            "state": str(self.state),
            "metrics": {"listen": LOOPBACK, "port": self.metrics_port, "health_port": self.port},
        }
        self.config = self.configure(logs) / config

    def configure(self, logs: Mapping[str, Any]) -> Path:
        """Render the configuration, again if need be; its folder.

        containers.yaml in it is what the DaemonSet runs.
        """
        values = log_values(merge(self._place, dict(logs)))
        folder = write_pipeline(values, self.folder)
        of_node = rendered(values, "fluent-bit/kubernetes-daemonset.yaml")
        config_map, _ = yaml.safe_load_all(of_node)
        content = config_map["data"]["containers.yaml"]
        (folder / "containers.yaml").write_text(
            content.replace("/var/log/containers", str(self.node_logs))
        )
        return folder

    @property
    def node_logs(self) -> Path:
        """Folder of the containers' logs, where the configuration is containers.yaml."""
        return self.folder / "containers"

    def environment(self) -> Mapping[str, str]:
        return {"LOGS_USER": USER, "LOGS_PASSWORD": PASSWORD, "LOGS_SERVER": "tested"}

    def command(self) -> Sequence[str | Path]:
        return [self._program, "-c", self.config]

    def __exit__(self, *_: object) -> None:
        """End at once, whatever is not delivered: the test is over."""
        self.process.kill()

    def metrics(self) -> Page:
        """Metrics of the log."""
        address = f"http://{LOOPBACK}:{self.metrics_port}/metrics"
        return Page(httpx.get(address, trust_env=False).raise_for_status().text)

    def own_metric(self, metric: str, source: str) -> float:
        """A metric of Fluent Bit itself, for the input or output of that name; 0 at first."""
        return sum(
            sample.value
            for sample in self.metrics().samples
            if sample.name == metric and sample.labels.get("name") == source
        )

    @property
    def read(self) -> float:
        """Entries read since it started."""
        return self.own_metric("fluentbit_input_records_total", "postgresql_log")

    @property
    def cpu_seconds(self) -> float:
        """Time on a processor of the process and its threads (proc(5), stat)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


#: Values of the `logs` part, the file of the configuration -> a running Fluent Bit.
StartFluentBit = Callable[..., FluentBit]
