"""`python -m bench [--markdown FILE]`: measure, print the table, write it to a page."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.command import parser, workspace
from bench.contenders import CONTENDERS, running
from bench.machine import describe, describe_machine
from bench.measure import Measurement
from bench.plan import Plan
from bench.report import MARK, markdown, terminal_table
from bench.server import running_server
from demo.command import run
from demo.markdown import rewrite
from demo.report import Report


def main() -> int:
    options, report = parser("bench", __doc__).parse_args(), Report()
    return run(lambda: _run(report, options.markdown), report)


def _run(report: Report, page: Path | None) -> None:
    plan, machine = Plan(), describe_machine()
    with (
        workspace(report) as (folder, progress),
        running_server(folder, plan) as server,
        running(folder, server, CONTENDERS, plan.deadline) as entries,
    ):
        results = Measurement(server, entries, plan, progress).run()
    report.console.print(terminal_table(results))
    report.console.print(describe(machine))
    if page:
        rewrite(page, MARK, markdown(results, machine))


if __name__ == "__main__":
    sys.exit(main())
