"""Waiting for conditions."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from testbed.errors import StackError

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T | None],
    timeout: float,
    what: str,
    *,
    interval: float = 0.05,
    explain: Callable[[], str] = str,
) -> T:
    """Return the first true value of `condition`. Raises StackError after `timeout` seconds.

    The error names `what`, and the result of `explain`, such as the end of a server's log.
    """
    value = wait_for(condition, timeout, interval=interval)
    if not value:
        raise StackError(f"not within {timeout:g} s: {what}\n{explain()}".rstrip())
    return value


def wait_for(
    condition: Callable[[], T | None], timeout: float, *, interval: float = 0.05
) -> T | None:
    """Return the first true value of `condition`, or its value after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(interval)
    return value
