"""The demo as users run it, and as they interrupt it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testbed.process import descendants
from testbed.programs import ROOT
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.processes import is_alive


@contextmanager
def running_demo(folder: Path) -> Iterator[subprocess.Popen[str]]:
    demo = subprocess.Popen(
        [sys.executable, "-u", "-m", "demo", "--folder", folder],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with demo:
        try:
            yield demo
        finally:
            demo.kill()


def read_until(demo: subprocess.Popen[str], text: str) -> None:
    assert demo.stdout
    read = ""
    for line in demo.stdout:
        read += line
        if text in line:
            return
    raise AssertionError(f"the demo ended without saying {text!r}:\n{read}")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_no_process_survives_the_demo(
    workspace: Workspace, number: signal.Signals, code: int
) -> None:
    """In the middle of the migration, so that Liquibase runs as well."""
    with running_demo(workspace.root / "demo") as demo:
        read_until(demo, "exporter: running")
        pids = descendants(demo.pid)
        assert len(pids) > 20
        demo.send_signal(number)
        assert demo.wait(60) == code
    wait_until(lambda: not any(map(is_alive, pids)), 60, "all its processes end")
