"""The exporter itself, as users run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from testbed.ports import LOOPBACK
from testbed.programs import exporter_command
from testbed.service import HttpService
from testbed.workspace import Workspace


class Exporter(HttpService):
    """`pg-migration-exporter serve` with a configuration file.

    `config` has the keys of the file; the state directory is the service's folder by default.
    `variables` are added to its environment.
    """

    health_path = "/healthz"

    def __init__(
        self,
        workspace: Workspace,
        config: dict[str, Any],
        name: str = "exporter",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._variables = variables or {}
        super().__init__(workspace, name)
        self.config = self.folder / "config.yaml"
        self.configure(config)

    def configure(self, config: dict[str, Any]) -> None:
        """Write the configuration file; a running exporter reads it at a reload.

        Its role may be the superuser of the test's own server.
        """
        own = {"state_directory": str(self.folder)}
        if "postgres" in config or "targets" in config:
            postgres = {"allow_superuser": True} | config.get("postgres", {})
            config = config | {"postgres": postgres}
        self.config.write_text(yaml.safe_dump(own | config, sort_keys=False))

    def environment(self) -> Mapping[str, str]:
        return self._variables

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def command(self) -> Sequence[str | Path]:
        return [exporter_command(), "serve", "--config", self.config, "--listen", self.address]

    def metrics(self, target: str | None = None) -> str:
        """Scrape the default target, or a named one; return the text."""
        return self.get("/probe", target=target).text if target else self.get("/metrics").text

    def page(self) -> dict[str, list[Sample]]:
        """Scrape; return the samples by name, which has a suffix for histograms."""
        samples: dict[str, list[Sample]] = {}
        for family in text_string_to_metric_families(self.metrics()):
            for sample in family.samples:
                samples.setdefault(sample.name, []).append(sample)
        return samples
