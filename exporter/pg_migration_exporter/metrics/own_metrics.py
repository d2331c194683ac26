"""The exporter's metrics about itself that do not depend on a target.

The process metrics have the names that Prometheus's client libraries give them. They are read and
rendered here because prometheus_client takes a sixth of a scrape's CPU time for these ten samples.
"""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pg_migration_exporter import __version__
from pg_migration_exporter.metrics.families import Family, FamilySamples

BUILD = Family(
    "migration_exporter_build_info",
    "gauge",
    "Version of the exporter and of Python; always 1.",
    ("version", "python"),
)
SCRAPES = Family("migration_exporter_scrapes_total", "counter", "Requests for /metrics.")
IN_PROGRESS = Family(
    "migration_exporter_scrapes_in_progress",
    "gauge",
    "Requests for /metrics that are being answered, this one included.",
)
CPU = Family("process_cpu_seconds_total", "counter", "User and system CPU time of the process.")
RESIDENT = Family("process_resident_memory_bytes", "gauge", "Resident memory of the process.")
VIRTUAL = Family("process_virtual_memory_bytes", "gauge", "Virtual memory of the process.")
STARTED = Family(
    "process_start_time_seconds", "gauge", "Start of the process in seconds since the epoch."
)
OPEN_FILES = Family("process_open_fds", "gauge", "Open file descriptors of the process.")
MOST_FILES = Family("process_max_fds", "gauge", "Most file descriptors that it may open.")

FAMILIES = (
    BUILD, SCRAPES, IN_PROGRESS, CPU, RESIDENT, VIRTUAL, STARTED, OPEN_FILES, MOST_FILES,
)  # fmt: skip

_PROCESS = Path("/proc/self")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class OwnMetrics:
    """Build, process and request metrics."""

    def __init__(self) -> None:
        self._started = time.time()
        self._scrapes = 0
        self._in_progress = 0

    @contextmanager
    def scrape(self) -> Iterator[None]:
        """Count one request for /metrics while it is answered."""
        self._scrapes += 1
        self._in_progress += 1
        try:
            yield
        finally:
            self._in_progress -= 1

    def families(self) -> Iterator[FamilySamples]:
        """Yield the samples. Those that only Linux has are left out elsewhere."""
        yield FamilySamples(BUILD, [((__version__, platform.python_version()), 1)])
        values: dict[Family, float] = {
            SCRAPES: self._scrapes,
            IN_PROGRESS: self._in_progress,
            CPU: time.process_time(),
            STARTED: self._started,
            MOST_FILES: resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            **_memory_and_files(),
        }
        for family, value in values.items():
            yield FamilySamples(family, [((), value)])


def _memory_and_files() -> dict[Family, float]:
    """Read proc_pid_statm(5) and proc_pid_fd(5)."""
    try:
        virtual, resident, *_ = (_PROCESS / "statm").read_text().split()
        files = sum(1 for _ in (_PROCESS / "fd").iterdir()) - 1  # one is open to list them
    except OSError:
        return {}
    return {
        VIRTUAL: int(virtual) * _PAGE_BYTES,
        RESIDENT: int(resident) * _PAGE_BYTES,
        OPEN_FILES: files,
    }
