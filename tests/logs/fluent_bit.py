"""A real Fluent Bit, and what the tests ask it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from testbed.fluent_bit import FluentBit, write_pipeline
from tests.fixtures.exporters import Page
from tests.fixtures.fluent_bit import log_values, rendered

USER, PASSWORD = "logs", "secret of the logs"


class ObservedFluentBit(FluentBit):
    """One that a test looks into, with the values that the tests have."""

    login = (USER, PASSWORD)

    def configure(self, logs: Mapping[str, Any]) -> Path:
        """Render the configuration, again if need be; its folder.

        containers.yaml in it is what the DaemonSet runs.
        """
        values = log_values(self.place, logs)
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
        user, password = self.login
        return {"LOGS_USER": user, "LOGS_PASSWORD": password, "LOGS_SERVER": "tested"}

    def __exit__(self, *_: object) -> None:
        """End at once, whatever is not delivered: the test is over."""
        self.process.kill()

    def metrics(self) -> Page:
        """Metrics of the log."""
        answer = httpx.get(f"http://{self.address}/metrics", trust_env=False)
        return Page(answer.raise_for_status().text)

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
    def retries(self) -> float:
        """How often it delivered in vain, and tries again."""
        return self.own_metric("fluentbit_output_retries_total", "store")

    @property
    def dropped(self) -> float:
        """Entries that it gave up."""
        return self.own_metric("fluentbit_output_dropped_records_total", "store")

    @property
    def cpu_seconds(self) -> float:
        """Time on a processor of the process and its threads (proc(5), stat)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


#: Values of the `logs` part, the file of the configuration -> a running Fluent Bit.
StartFluentBit = Callable[..., ObservedFluentBit]
