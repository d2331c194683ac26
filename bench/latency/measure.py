"""Runs the loads, and compares percentiles of the histogram with those of the log."""

from __future__ import annotations

import math
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from bench.latency.loads import LOADS, Load
from bench.latency.statement_log import SETTINGS, StatementLog
from testbed.errors import StackError
from testbed.exporter import Exporter
from testbed.ports import LOOPBACK
from testbed.postgres import SUPERUSER, Server
from testbed.programs import postgres_bindir
from testbed.waiting import wait_until
from testbed.workspace import Workspace

PERCENTILES = (50, 90, 95, 99)
_NAME = "postgres_query_duration_seconds"
_ROLE = "bench_exporter"

#: Cumulative counts by upper bound.
Buckets = Mapping[float, float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The statements under one load by the log and the histogram, and percentiles in seconds."""

    load: Load
    logged: int
    counted: int
    truth: Sequence[float]
    estimate: Sequence[float]

    @property
    def errors(self) -> list[float]:
        """Errors of the estimates, relative to the truth."""
        return [
            estimate / truth - 1 for estimate, truth in zip(self.estimate, self.truth, strict=True)
        ]


@contextmanager
def running(workspace: Workspace) -> Iterator[tuple[Server, Exporter]]:
    """A server that logs every statement, and an exporter with its defaults."""
    with Server(workspace, "latency", SETTINGS | {"max_connections": "60"}) as server:
        database = server.database()
        database.execute("CREATE EXTENSION pg_stat_statements")
        server.create_role(_ROLE)
        database.execute(f"GRANT pg_monitor TO {_ROLE}")
        config = {"postgres": {"dsn": database.as_user(_ROLE).conninfo()}}
        with Exporter(workspace, config, "latency_exporter") as exporter:
            yield server, exporter


class Measurement:
    """Runs loads one after another, `seconds` each; `tell` is called with what is being done."""

    def __init__(
        self, server: Server, exporter: Exporter, seconds: int, tell: Callable[[str], object]
    ) -> None:
        self._server, self._exporter = server, exporter
        self._seconds, self._tell = seconds, tell
        self._log = StatementLog(server.data)

    def run(self, loads: Sequence[Load] = LOADS) -> list[Comparison]:
        """Return a comparison for each load."""
        return [self._compare(load) for load in loads]

    def _compare(self, load: Load) -> Comparison:
        self._tell(f"filling tables for {load.title}")
        self._pgbench("--initialize", "--quiet", f"--scale={load.scale}")
        before = self._settled()
        list(self._log.durations("pgbench"))
        self._tell(f"{load.title} for {self._seconds} s")
        script = ["--file=-"] if load.script else ["--builtin=tpcb-like"]
        self._pgbench(
            "--no-vacuum", f"--client={load.clients}", f"--time={self._seconds}", *script,
            stdin=load.script or "",
        )  # fmt: skip
        after = self._settled()
        times = sorted(self._log.durations("pgbench"))
        added = {bound: count - before.get(bound, 0.0) for bound, count in after.items()}
        return Comparison(
            load,
            logged=len(times),
            counted=round(added[math.inf]),
            truth=[times[len(times) * percentile // 100] for percentile in PERCENTILES],
            estimate=[quantile(added, percentile / 100) for percentile in PERCENTILES],
        )

    def _settled(self) -> Buckets:
        """Return the buckets once they no longer change."""
        pages = [self._buckets()]

        def is_settled() -> bool:
            time.sleep(1)
            pages.append(self._buckets())
            # The exporter reads every two seconds.
            return len(pages) > 4 and pages[-1] == pages[-5]

        wait_until(is_settled, 60, "the histogram settles")
        return pages[-1]

    def _buckets(self) -> Buckets:
        return {
            float(sample.labels["le"]): sample.value
            for sample in self._exporter.page().get(f"{_NAME}_bucket", [])
            if sample.labels["datname"] == "postgres"
        }

    def _pgbench(self, *arguments: str, stdin: str = "") -> None:
        where = ["-h", LOOPBACK, "-p", str(self._server.port), "-U", SUPERUSER]
        done = subprocess.run(
            [postgres_bindir() / "pgbench", *where, *arguments, "postgres"],
            env=os.environ | {"PGPASSWORD": self._server.workspace.password},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackError(f"pgbench failed\n{done.stderr}")


def quantile(buckets: Buckets, share: float) -> float:
    """Return histogram_quantile as Prometheus defines it: linear inside a bucket."""
    rank = share * buckets[math.inf]
    for (lower, below), (upper, until) in pairwise([(0.0, 0.0), *sorted(buckets.items())]):
        if until >= rank:
            if math.isinf(upper):
                return lower
            return lower + (upper - lower) * (rank - below) / (until - below)
    raise ValueError("no calls")
