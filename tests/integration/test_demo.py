"""The demo as users run it, and as they end it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.process import descendants
from testbed.programs import ROOT
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.processes import DEFAULT_SIGNALS, is_alive


@contextmanager
def running_demo(folder: Path) -> Iterator[subprocess.Popen[str]]:
    demo = subprocess.Popen(
        [*DEFAULT_SIGNALS, sys.executable, "-u", "-m", "demo", "--folder", folder],
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
    raise AssertionError(f"the demo ended without the line {text!r}:\n{read}")


def test_no_process_survives_the_demo(workspace: Workspace) -> None:
    """With all its servers; tests of demo.command and of the stack send the other signals."""
    with running_demo(workspace.root / "demo") as demo:
        read_until(demo, "exporter: running")
        pids = descendants(demo.pid)
        assert len(pids) > 20
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(60) == 143
    wait_until(lambda: not any(map(is_alive, pids)), 60, "all its processes end")
