"""The exporter's metrics of itself that do not depend on a target, kept by prometheus_client."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.openmetrics import exposition as openmetrics

from pg_migration_exporter import __version__
from pg_migration_exporter.exposition import Format


class OwnMetrics:
    """Build, process and request metrics on a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        build = Gauge(
            "migration_exporter_build_info",
            "Version of the exporter and of Python; always 1.",
            ["version", "python"],
            registry=self._registry,
        )
        build.labels(__version__, platform.python_version()).set(1)
        self._requests = Counter(
            "migration_exporter_scrapes", "Requests for /metrics.", registry=self._registry
        )
        self._under_way = Gauge(
            "migration_exporter_scrapes_in_progress",
            "Requests for /metrics that are being answered, this one included.",
            registry=self._registry,
        )

    @contextmanager
    def scrape(self) -> Iterator[None]:
        """Count one request for /metrics while it is answered."""
        self._requests.inc()
        with self._under_way.track_inprogress():
            yield

    def render(self, to: Format) -> str:
        """The metrics as text, without the end mark of the page."""
        if to.is_openmetrics:
            page: bytes = openmetrics.generate_latest(self._registry)  # type: ignore[no-untyped-call]
            return page.decode().removesuffix(to.end)
        return generate_latest(self._registry).decode()
