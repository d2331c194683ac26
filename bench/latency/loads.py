"""The loads: pgbench scripts with different distributions of statement durations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """A load of pgbench: `script`, or its TPC-B-like one, on `scale` times 100,000 rows."""

    title: str
    clients: int
    scale: int
    script: str | None = None


_SCAN = "SELECT sum(abalance) FROM pgbench_accounts WHERE aid BETWEEN 1 AND :width;\n"

LOADS = (
    # One branch: clients queue for its row, which makes statements slow.
    Load("TPC-B-like", clients=16, scale=1),
    # A Pareto distribution of rows, up to half a million of them.
    Load(
        "range scan, heavy-tailed",
        clients=3,
        scale=5,
        script="\\set u random(1, 1000000)\n"
        "\\set width least(490000, int(10000 * pow(1000000.0 / :u, 0.6)))\n" + _SCAN,
    ),
    # One statement: four calls in five are fast, the fifth one takes twenty times as long.
    Load(
        "one statement, bimodal",
        clients=3,
        scale=5,
        script="\\set u random(1, 100)\n"
        "\\set width case when :u <= 20 then 60000 else 3000 end\n" + _SCAN,
    ),
)
