"""`python -m bench.fleet [--markdown FILE]`: measure, print, write tables and plot to a page."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.command import parser, workspace
from bench.fleet.curves import measure_curves
from bench.fleet.plan import FleetPlan
from bench.fleet.report import MARK, fleet_rows, markdown, plot
from bench.fleet.scraped import measure_fleet
from bench.fleet.server import running_fleet, running_server
from bench.machine import describe_machine
from demo.command import run
from demo.markdown import rewrite
from demo.report import Report

_PICTURE = "benchmarks-fleet.svg"


def main() -> int:
    options, report = parser("bench-fleet", __doc__).parse_args(), Report()
    return run(lambda: _run(report, options.markdown), report)


def _run(report: Report, page: Path | None) -> None:
    plan, machine = FleetPlan(), describe_machine()
    with workspace(report) as (folder, progress):
        progress(f"creating {plan.targets} databases on {plan.servers} servers")
        with running_fleet(folder, plan) as servers:
            fleet = measure_fleet(folder, servers, plan, progress)
        for name, value in fleet_rows(fleet):
            report.line(f"{name}: {value}")
        with running_server(folder, plan) as server:
            curves = measure_curves(folder, server, plan, progress)
    text = markdown(fleet, curves, machine, _PICTURE)
    report.console.print(text, markup=False, soft_wrap=True)
    if page:
        rewrite(page, MARK, text)
        page.with_name(_PICTURE).write_text(plot(curves))


if __name__ == "__main__":
    sys.exit(main())
