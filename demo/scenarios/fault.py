"""What a fault is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from demo.world import World


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: entering `happen(world)` causes it for real, leaving heals it.

    `alerts` fire because of it, and resolve once it is healed. `consequences` may fire as well,
    depending on how long it lasts. No other does.
    """

    name: str
    alerts: frozenset[str]
    happen: Callable[[World], AbstractContextManager[object]]
    consequences: frozenset[str] = frozenset()
