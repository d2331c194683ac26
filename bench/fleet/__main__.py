"""`python -m bench.fleet [--markdown FILE]`: measure, print, keep tables and plot in a page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from bench.fleet.curves import measure_curves
from bench.fleet.plan import FleetPlan
from bench.fleet.report import BEGIN, fleet_rows, markdown, plot
from bench.fleet.scraped import measure_fleet
from bench.fleet.server import make_targets, running_server
from bench.machine import describe_machine
from bench.report import rewrite
from demo.stack.errors import StackError
from demo.stack.programs import ROOT
from demo.stack.workspace import Workspace

_PICTURE = "benchmarks-fleet.svg"


def main() -> int:
    """Exit code 2 for what the user can mend, 130 for Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make bench-fleet", description=__doc__)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="rewrite its figures")
    options = parser.parse_args()
    try:
        _run(options.markdown)
    except (StackError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _run(page: Path | None) -> None:
    console = Console()
    plan, machine = FleetPlan(), describe_machine()
    with (
        console.status("starting the server") as status,
        Workspace(ROOT / ".bench") as workspace,
        running_server(workspace, plan) as server,
    ):
        status.update(f"making {plan.targets} databases")
        databases = make_targets(server, plan.targets)
        fleet = measure_fleet(workspace, databases, plan, status.update)
        for name, value in fleet_rows(fleet):
            console.print(f"{name}: {value}", highlight=False)
        curves = measure_curves(workspace, server, plan, status.update)
    text = markdown(fleet, curves, machine, _PICTURE)
    console.print(text, markup=False, soft_wrap=True)
    if page:
        rewrite(page, text, BEGIN)
        page.with_name(_PICTURE).write_text(plot(curves))


if __name__ == "__main__":
    sys.exit(main())
