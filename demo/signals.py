"""Signals that end the demo as Ctrl-C does, so that its servers are stopped."""

from __future__ import annotations

import signal
from types import FrameType


def end_cleanly_on_signals() -> None:
    """Let SIGTERM and SIGHUP raise SystemExit."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
