"""Description of the machine that the figures were measured on."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path

from bench import postgres_exporter
from testbed.programs import postgres_bindir, postgres_version


def describe_machine() -> Mapping[str, str]:
    """Return name and value of each property that a reader needs to judge the figures."""
    return {
        "Date": time.strftime("%Y-%m-%d", time.gmtime()),
        "CPU": f"{_cpu_model()}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{_memory_bytes() / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "PostgreSQL": postgres_version(postgres_bindir()),
        "Python": platform.python_version(),
        "postgres_exporter": postgres_exporter.version(),
        "load at the start": f"{os.getloadavg()[0]:.1f}",
    }


def describe(machine: Mapping[str, str]) -> str:
    """Return the machine in one line."""
    return ", ".join(f"{name} {value}" for name, value in machine.items())


def _cpu_model() -> str:
    """Model name (proc_cpuinfo(5)); some architectures have none."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
