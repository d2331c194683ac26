"""`python -m demo.drills`: run a quiet hour, then every fault, and check which alerts fire.

Exit code 0 if exactly the expected alerts fired, 1 if not, 2 if a server cannot be started.
"""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path

from demo.command import run
from demo.drills import page
from demo.drills.neighbor import neighbor
from demo.drills.quiet import quiet_hour
from demo.report import Outcome, Report
from demo.scenarios import DRILLED, FAULTS, LOGGED, Fault
from demo.story import good_migration, run_fault
from demo.world import running_world
from testbed.fluent_bit import MISSING, fluent_bit_program
from testbed.workspace import Workspace

ALL = (*FAULTS, *LOGGED, *DRILLED)
#: With the demo's durations, a tenth or less of the real ones, this stands for an hour.
QUIET_SECONDS = 360


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.drills", description=__doc__)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page to write the table to")
    parser.add_argument("--only", default="", metavar="TEXT", help="faults whose name contains it")
    parser.add_argument(
        "--quiet-seconds", type=int, default=QUIET_SECONDS, metavar="N", help="0 for none"
    )
    options = parser.parse_args()
    report = Report()
    return run(lambda: _run(report, options), report)


def _run(report: Report, options: argparse.Namespace) -> bool:
    outcomes: list[Outcome] = []
    with (
        Workspace() as workspace,
        running_world(workspace, report) as world,
        neighbor(world, report) if options.quiet_seconds else nullcontext(),
    ):
        good_migration(world, report)
        if options.quiet_seconds:
            outcomes.append(quiet_hour(world, report, options.quiet_seconds))
            sentence = page.quiet_sentence(outcomes[0], options.quiet_seconds)
            _write(options.markdown, [], sentence)
        for fault in chosen(options.only, report):
            outcomes.append(run_fault(fault, world, report))
            _write(options.markdown, [outcomes[-1]])
    report.outcomes(outcomes)
    return all(outcome.is_as_expected for outcome in outcomes)


def chosen(text: str, report: Report) -> list[Fault]:
    """Return the faults whose name contains the text and that are possible here."""
    selected = [fault for fault in ALL if text in fault.name]
    left_out = [] if fluent_bit_program() else [fault for fault in selected if fault in LOGGED]
    if left_out:
        names = ", ".join(fault.name for fault in left_out)
        report.line(f"{MISSING}, so these are left out: {names}")
    return [fault for fault in selected if fault not in left_out]


def _write(markdown: Path | None, drills: list[Outcome], quiet: str | None = None) -> None:
    """Write the results so far, so that a run that ends early has some too."""
    if markdown:
        page.write(markdown, [fault.name for fault in ALL], drills, quiet)


if __name__ == "__main__":
    raise SystemExit(main())
