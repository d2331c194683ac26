"""Command line of all benchmarks: options, the folder of the servers, and progress."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.report import Report
from testbed.programs import ROOT
from testbed.workspace import Workspace


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return the parser of `make name`; `markdown` is the page whose figures are replaced."""
    made = argparse.ArgumentParser(prog=f"make {name}", description=description)
    made.add_argument("--markdown", type=Path, metavar="FILE", help="rewrite its figures")
    return made


@contextmanager
def workspace(report: Report) -> Iterator[tuple[Workspace, Callable[[str], None]]]:
    """Yield the folder of the servers and a function that reports progress."""
    with (
        report.console.status("starting the server") as status,
        Workspace(ROOT / ".bench") as folder,
    ):
        yield folder, status.update
