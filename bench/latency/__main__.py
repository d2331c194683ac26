"""`python -m bench.latency [--seconds N] [--markdown FILE]`: measure, print, keep in a page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from bench.latency.measure import Measurement, running
from bench.latency.report import BEGIN, END, markdown
from bench.machine import describe_machine
from bench.report import rewrite
from demo.stack.errors import StackError
from demo.stack.programs import ROOT
from demo.stack.workspace import Workspace


def main() -> int:
    """Exit code 2 for what the user can mend, 130 for Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make bench-latency", description=__doc__)
    parser.add_argument("--seconds", type=int, default=90, help="of each load (default: 90)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="rewrite its table")
    options = parser.parse_args()
    try:
        _run(options.seconds, options.markdown)
    except (StackError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _run(seconds: int, page: Path | None) -> None:
    console = Console()
    machine = describe_machine()
    with (
        console.status("starting the server") as status,
        Workspace(ROOT / ".bench") as workspace,
        running(workspace) as (server, exporter),
    ):
        text = markdown(Measurement(server, exporter, seconds, status.update).run(), machine)
    print(text)
    if page:
        rewrite(page, text, BEGIN, END)


if __name__ == "__main__":
    sys.exit(main())
