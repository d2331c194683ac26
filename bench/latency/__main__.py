"""`python -m bench.latency [--seconds N] [--markdown FILE]`: measure, print, write to a page."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.command import parser, workspace
from bench.latency.measure import Measurement, running
from bench.latency.report import MARK, markdown
from bench.machine import describe_machine
from demo.command import run
from demo.markdown import rewrite
from demo.report import Report


def main() -> int:
    line, report = parser("bench-latency", __doc__), Report()
    line.add_argument("--seconds", type=int, default=90, help="of each load (default: 90)")
    options = line.parse_args()
    return run(lambda: _run(report, options.seconds, options.markdown), report)


def _run(report: Report, seconds: int, page: Path | None) -> None:
    machine = describe_machine()
    with workspace(report) as (folder, tell), running(folder) as (server, exporter):
        text = markdown(Measurement(server, exporter, seconds, tell).run(), machine)
    report.console.print(text, markup=False, soft_wrap=True)
    if page:
        rewrite(page, MARK, text)


if __name__ == "__main__":
    sys.exit(main())
