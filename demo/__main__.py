"""`python -m demo`: bring the stack up, tell the story, end everything.

Exit code 0 if exactly the expected alerts fired, 1 if not, 130 for Ctrl-C.
"""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from demo.report import Report
from demo.scenarios import CHANGESET_FAILS, FAULTS
from demo.signals import end_cleanly_on_signals
from demo.stack.errors import StackError
from demo.stack.programs import ROOT
from demo.stack.workspace import Workspace
from demo.story import tell
from demo.world import World, running_world


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C")
    parser.add_argument("--all", action="store_true", help="every fault, not the migration's alone")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="default: .demo")
    options = parser.parse_args()
    end_cleanly_on_signals()
    report = Report()
    try:
        return _run(report, options)
    except StackError as error:
        report.error(str(error))
        return 1
    except KeyboardInterrupt:
        report.say("interrupted: everything was stopped")
        return 130


def _run(report: Report, options: argparse.Namespace) -> int:
    faults = FAULTS if options.all else (CHANGESET_FAILS,)
    with Workspace(options.folder) as workspace:
        report.title(f"Servers, all in {workspace.root}")
        with running_world(workspace, report) as world:
            succeeded = tell(world, report, faults)
            if options.keep:
                _linger(world, report)
    return 0 if succeeded else 1


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
