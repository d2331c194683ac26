"""What every benchmark's command has: its options, servers in one folder, and progress."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.report import Report
from testbed.programs import ROOT
from testbed.workspace import Workspace


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """The command line of `make name`: `markdown` is the page whose figures are rewritten."""
    made = argparse.ArgumentParser(prog=f"make {name}", description=description)
    made.add_argument("--markdown", type=Path, metavar="FILE", help="rewrite its figures")
    return made


@contextmanager
def workspace(report: Report) -> Iterator[tuple[Workspace, Callable[[str], None]]]:
    """The folder of the servers, and a function to tell what is going on."""
    with (
        report.console.status("starting the server") as status,
        Workspace(ROOT / ".bench") as folder,
    ):
        yield folder, status.update
