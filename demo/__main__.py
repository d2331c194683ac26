"""`python -m demo`: bring the stack up, tell the story, end everything.

Exit code 0 if exactly the expected alerts fired, 1 if not, 2 if a server cannot be started.
"""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from demo.command import run
from demo.report import Report
from demo.scenarios import CHANGESET_FAILS, FAULTS
from demo.story import tell
from demo.world import World, running_world
from testbed.programs import ROOT
from testbed.workspace import Workspace


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C")
    parser.add_argument("--all", action="store_true", help="every fault, not the migration's alone")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="default: .demo")
    options = parser.parse_args()
    report = Report()
    return run(lambda: _run(report, options), report)


def _run(report: Report, options: argparse.Namespace) -> bool:
    faults = FAULTS if options.all else (CHANGESET_FAILS,)
    with Workspace(options.folder) as workspace:
        report.title(f"Servers, all in {workspace.root}")
        with running_world(workspace, report) as world:
            succeeded = tell(world, report, faults)
            if options.keep:
                _linger(world, report)
    return succeeded


def _linger(world: World, report: Report) -> None:
    """Show the addresses until Ctrl-C, which is then no failure."""
    report.title("It keeps running, with the load of the application. Ctrl-C ends it.")
    for name, address in world.addresses().items():
        report.say(f"{name:<13} {address}")
    try:
        signal.pause()
    except KeyboardInterrupt:
        report.say("ending")


if __name__ == "__main__":
    raise SystemExit(main())
