"""A fleet scraped by a real Prometheus: resources of the process, and lost scrapes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from bench.accounts import cpu_seconds, resident_bytes
from bench.fleet.plan import FleetPlan
from bench.fleet.server import make_targets
from testbed.exporter import Exporter
from testbed.postgres import Server
from testbed.prometheus import Prometheus, Scraping
from testbed.waiting import wait_until
from testbed.workspace import Workspace

JOB = "fleet"

_WAS_UP = "max_over_time(postgres_up[1h]) == 1"


@dataclass(frozen=True, slots=True)
class FleetResult:
    """Figures measured in `seconds`; times of scrapes in seconds, memory in bytes.

    `resident_before` is the memory before the first scrape, `resident` with all targets.
    """

    targets: int
    servers: int
    seconds: float
    cpu: float
    cpu_of_servers: float
    resident_before: int
    resident: int
    connections: int
    expected: int
    answered: Sequence[float]

    @property
    def lost(self) -> int:
        """Scrapes that failed or are missing in Prometheus."""
        return max(self.expected - len(self.answered), 0)

    def percentile(self, number: int) -> float:
        """Return a percentile of the times of scrapes, as Prometheus measured them."""
        return quantiles(self.answered, n=100, method="inclusive")[number - 1]


def measure_fleet(
    workspace: Workspace,
    servers: Sequence[Server],
    plan: FleetPlan,
    progress: Callable[[str], object],
) -> FleetResult:
    """Let Prometheus scrape new databases as targets of one exporter, for the plan's time."""
    databases = make_targets(servers, plan.targets)
    targets = [
        {"name": database.name, "postgres": {"dsn": database.conninfo(application_name="fleet")}}
        for database in databases
    ]
    interval = f"{plan.interval}s"
    with Exporter(workspace, {"targets": targets}, "fleet_exporter") as exporter:
        before = resident_bytes(exporter.process.pid)
        scraping = Scraping({}, interval=interval, discovery={JOB: f"{exporter.url}/sd"})
        with Prometheus(workspace, scraping, "fleet_prometheus") as prometheus:
            progress("waiting until every target was scraped")
            wait_until(
                lambda: (
                    len(prometheus.query("max_over_time(postgres_up[1h]) == 1")) == len(targets)
                ),
                20 * plan.interval,
                "every target was up",
                interval=1,
                explain=lambda: f"{len(prometheus.query(_WAS_UP))} were",
            )
            progress(f"watching {len(targets)} targets for {plan.interval * plan.intervals} s")
            return _watch(exporter, prometheus, servers, plan, before)


def _watch(
    exporter: Exporter,
    prometheus: Prometheus,
    servers: Sequence[Server],
    plan: FleetPlan,
    resident_before: int,
) -> FleetResult:
    """Measure; Prometheus is queried an interval later, when the last scrapes are stored."""
    seconds = plan.interval * plan.intervals
    pid, started = exporter.process.pid, time.monotonic()
    cpu, cpu_of_servers = cpu_seconds(pid), _cpu_of(servers)
    time.sleep(seconds)
    cpu, cpu_of_servers = cpu_seconds(pid) - cpu, _cpu_of(servers) - cpu_of_servers
    watched = time.monotonic() - started
    time.sleep(plan.interval)
    window = f"[{seconds}s] offset {plan.interval}s"
    selector = '{job="fleet", instance=~"target_.*"}'
    succeeded = _samples(prometheus, f"up{selector}{window}")
    times = _samples(prometheus, f"scrape_duration_seconds{selector}{window}")
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fleet'"
    return FleetResult(
        targets=plan.targets,
        servers=len(servers),
        seconds=watched,
        cpu=cpu,
        cpu_of_servers=cpu_of_servers,
        resident_before=resident_before,
        resident=resident_bytes(pid),
        connections=sum(server.database().value(count) for server in servers),
        expected=plan.targets * plan.intervals,
        # A scrape may end between the two queries.
        answered=[times[key] for key in succeeded.keys() & times if succeeded[key] == 1],
    )


def _cpu_of(servers: Sequence[Server]) -> float:
    """Return the CPU seconds of all processes of the servers."""
    used = 0.0
    for server in servers:
        for pid in _processes(server.process.pid):
            with suppress(OSError):  # a worker of autovacuum may have ended
                used += cpu_seconds(pid)
    return used


def _processes(pid: int) -> list[int]:
    """Return a process and its children (proc(5), "children")."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid, *map(int, children.split())]


def _samples(prometheus: Prometheus, selector: str) -> dict[tuple[str, Any], float]:
    """Return each sample of a range by target and time."""
    return {
        (series["metric"]["instance"], at): float(value)
        for series in prometheus.query(selector)
        for at, value in series["values"]
    }
