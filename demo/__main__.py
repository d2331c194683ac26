"""`python -m demo`: start all servers, run a migration and faults, stop everything.

Exit code 0 if exactly the expected alerts fired, 1 if not, 2 if a server cannot be started.
"""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from demo.command import run
from demo.report import Report
from demo.scenarios import CHANGESET_FAILS, FAULTS
from demo.story import run_story
from demo.world import World, running_world
from testbed.programs import ROOT
from testbed.workspace import Workspace


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep everything running until Ctrl-C")
    parser.add_argument(
        "--all", action="store_true", help="run every fault, not only the failing changeset"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=ROOT / ".demo",
        help="folder of the servers, emptied first; default: .demo",
    )
    options = parser.parse_args()
    report = Report()
    return run(lambda: _run(report, options), report)


def _run(report: Report, options: argparse.Namespace) -> bool:
    faults = FAULTS if options.all else (CHANGESET_FAILS,)
    with Workspace(options.folder) as workspace:
        report.title(f"Servers, all in {workspace.root}")
        with running_world(workspace, report) as world:
            succeeded = run_story(world, report, faults)
            if options.keep:
                _keep_running(world, report)
    return succeeded


def _keep_running(world: World, report: Report) -> None:
    """Show the addresses and wait for Ctrl-C, which is not an error here."""
    report.title(
        "Everything keeps running, with the load of the application. Press Ctrl-C to stop it."
    )
    for name, address in world.addresses().items():
        report.line(f"{name:<13} {address}")
    try:
        signal.pause()
    except KeyboardInterrupt:
        report.line("stopping")


if __name__ == "__main__":
    raise SystemExit(main())
