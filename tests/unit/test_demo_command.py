"""Signals to a command of the demo: what runs is stopped, and the exit code names the signal."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from testbed.programs import ROOT
from tests.fixtures.processes import DEFAULT_SIGNALS

_COMMAND = """
import signal
from demo.command import run
from demo.report import Report

def wait():
    try:
        print("running", flush=True)
        signal.pause()
    finally:
        print("stopped", flush=True)

raise SystemExit(run(wait, Report()))
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_stops_what_runs(number: signal.Signals, code: int) -> None:
    command = [*DEFAULT_SIGNALS, sys.executable, "-c", _COMMAND]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "running\n"
        process.send_signal(number)
        assert process.stdout.readline() == "stopped\n"
        assert process.wait(30) == code
