"""The description of a fault."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from demo.world import World


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: a context manager that causes it on entry and fixes it on exit.

    `alerts` must fire and, once it is fixed, resolve. `consequences` may fire too, depending on how
    long it lasts. No other alert may.
    """

    name: str
    alerts: frozenset[str]
    inject: Callable[[World], AbstractContextManager[object]]
    consequences: frozenset[str] = frozenset()
