"""`python -m demo.drills`: make every fault happen and see which alerts fire, then a quiet hour.

Exit code 0 if exactly the expected alerts fired, 1 if not, 130 for Ctrl-C.
"""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path

from demo.drills import page
from demo.drills.quiet import quiet_hour
from demo.report import Outcome, Report
from demo.scenarios import DRILLED, FAULTS, Fault
from demo.signals import end_cleanly_on_signals
from demo.stack.errors import StackError
from demo.stack.workspace import Workspace
from demo.story import good_migration, suffer
from demo.world import World, running_world

QUIET_SECONDS = 360


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.drills", description=__doc__)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page to write the table to")
    parser.add_argument("--only", default="", metavar="TEXT", help="faults whose name has this")
    parser.add_argument(
        "--quiet-seconds", type=int, default=QUIET_SECONDS, metavar="N", help="0 for none"
    )
    options = parser.parse_args()
    end_cleanly_on_signals()
    report = Report()
    try:
        return _run(report, options)
    except StackError as error:
        report.error(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def _run(report: Report, options: argparse.Namespace) -> int:
    chosen = [fault for fault in (*FAULTS, *DRILLED) if options.only in fault.name]
    with Workspace() as workspace, running_world(workspace, report) as world:
        good_migration(world, report)
        quiet = quiet_hour(world, report, options.quiet_seconds)
        drills = [_drill(fault, world, report) for fault in chosen]
    report.outcomes([quiet, *drills])
    if options.markdown:
        page.write(options.markdown, drills, quiet, timedelta(seconds=options.quiet_seconds))
    return 0 if all(outcome.is_as_expected for outcome in (quiet, *drills)) else 1


def _drill(fault: Fault, world: World, report: Report) -> Outcome:
    outcome = suffer(fault, world, report)
    report.say(f"false alarms: {', '.join(sorted(outcome.false_alarms)) or 'none'}")
    return outcome


if __name__ == "__main__":
    raise SystemExit(main())
