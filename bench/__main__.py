"""`python -m bench [--markdown FILE]`: measure, print the table, keep it in a page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from bench.contenders import CONTENDERS, running
from bench.machine import describe, describe_machine
from bench.measure import Measurement
from bench.plan import Plan
from bench.report import markdown, rewrite, terminal_table
from bench.server import running_server
from demo.stack.errors import StackError
from demo.stack.programs import ROOT
from demo.stack.workspace import Workspace


def main() -> int:
    """Exit code 2 for what the user can mend, 130 for Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="rewrite its table")
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
    plan, machine = Plan(), describe_machine()
    with (
        console.status("starting the server") as status,
        Workspace(ROOT / ".bench") as workspace,
        running_server(workspace, plan) as server,
        running(workspace, server, CONTENDERS, plan.deadline) as entries,
    ):
        results = Measurement(server, entries, plan, status.update).run()
    console.print(terminal_table(results))
    console.print(describe(machine))
    if page:
        rewrite(page, markdown(results, machine))


if __name__ == "__main__":
    sys.exit(main())
