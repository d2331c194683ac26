"""How the commands of the demo and the benchmarks end: servers stopped, the cause printed."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

from demo.report import Report
from testbed.errors import StackError


def run(action: Callable[[], bool | None], report: Report) -> int:
    """Return 1 if `action` returns False, 2 if it cannot run, 130 for Ctrl-C, else 0."""
    _end_cleanly_on_signals()
    try:
        return 1 if action() is False else 0
    except (StackError, OSError) as error:
        report.error(str(error))
        return 2
    except KeyboardInterrupt:
        report.line("interrupted; everything was stopped")
        return 130


def _end_cleanly_on_signals() -> None:
    """Handle SIGTERM and SIGHUP like Ctrl-C, so that the servers are stopped."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
