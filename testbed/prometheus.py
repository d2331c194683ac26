"""A real Prometheus that scrapes the stack and evaluates rule files."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

import yaml

from testbed.ports import LOOPBACK
from testbed.programs import program
from testbed.service import HttpService
from testbed.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Scraping:
    """Configuration of a Prometheus: job -> `host:port` targets, rule files, and intervals.

    `discovery`: job name -> URL of a list of targets for http_sd.
    """

    jobs: Mapping[str, Sequence[str]]
    rule_files: Sequence[Path] = ()
    interval: str = "1s"
    alertmanager: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    discovery: Mapping[str, str] = field(default_factory=dict)

    def config(self) -> dict[str, Any]:
        """Prometheus, "Configuration"."""
        timing = {"scrape_interval": self.interval, "scrape_timeout": self.interval}
        receivers = [{"targets": [self.alertmanager]}] if self.alertmanager else []
        return {
            "global": timing
            | {"evaluation_interval": self.interval, "external_labels": dict(self.labels)},
            "rule_files": [str(path) for path in self.rule_files],
            "alerting": {"alertmanagers": [{"static_configs": receivers}]},
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": list(targets)}]}
                for job, targets in self.jobs.items()
            ]
            + [
                {"job_name": job, "http_sd_configs": [{"url": url, "refresh_interval": "10s"}]}
                for job, url in self.discovery.items()
            ],
        }


class Series(TypedDict):
    """Labels of a series, and its samples: time and the value as a text."""

    metric: dict[str, str]
    values: list[tuple[float, str]]


class Prometheus(HttpService):
    """A Prometheus; its answers are the `data` of its HTTP interface."""

    def __init__(self, workspace: Workspace, scraping: Scraping, name: str = "prometheus") -> None:
        super().__init__(workspace, name)
        self._scraping = scraping
        self.config = self.folder / "prometheus.yml"
        self._write(scraping)

    def _write(self, scraping: Scraping) -> None:
        self.config.write_text(yaml.safe_dump(scraping.config(), sort_keys=False))

    @contextmanager
    def scraping_also(self, jobs: Mapping[str, Sequence[str]]) -> Iterator[None]:
        """Change the targets of jobs while the body runs, by reloading the configuration.

        Series of a target that is gone end at once, but those of a whole job only minutes later.
        """
        before = self._scraping
        self._reload(replace(before, jobs={**before.jobs, **jobs}))
        try:
            yield
        finally:
            self._reload(before)

    def _reload(self, scraping: Scraping) -> None:
        self._scraping = scraping
        self._write(scraping)
        self.process.send(signal.SIGHUP)

    def command(self) -> Sequence[str | Path]:
        return [
            program("prometheus"),
            f"--config.file={self.config}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={LOOPBACK}:{self.port}",
        ]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Instant vector: one `{"metric": {...}, "value": [time, "value"]}` for each series."""
        result: list[dict[str, Any]] = self._data("query", query=expression)["result"]
        return result

    def samples(self, selector: str, seconds: float) -> list[dict[str, Any]]:
        """Range vector up to now: `{"metric": {...}, "values": [[time, "value"], ...]}` each."""
        return self.query(f"{selector}[{max(1, round(seconds))}s]")

    def query_range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """Range of time in seconds since the epoch: every series with its samples in it."""
        asked = {"query": expression, "start": f"{start}", "end": f"{end}", "step": f"{step}"}
        result: list[Series] = self._data("query_range", **asked)["result"]
        return result

    def alerts(self) -> list[dict[str, Any]]:
        """Pending and firing alerts, with `labels`, `annotations`, `state` and `activeAt`."""
        alerts: list[dict[str, Any]] = self._data("alerts")["alerts"]
        return alerts

    def firing(self) -> set[str]:
        """Names of the alerts that fire now."""
        return {a["labels"]["alertname"] for a in self.alerts() if a["state"] == "firing"}

    def rules(self) -> list[dict[str, Any]]:
        """Read every rule of every group, with `health` and `lastError`."""
        return [rule for group in self._data("rules")["groups"] for rule in group["rules"]]

    def targets(self) -> list[dict[str, Any]]:
        """Active targets, with `labels`, `health` and `lastError`."""
        targets: list[dict[str, Any]] = self._data("targets", state="active")["activeTargets"]
        return targets

    def _data(self, path: str, **params: str) -> Any:
        return self.api(f"/api/v1/{path}", **params)["data"]
