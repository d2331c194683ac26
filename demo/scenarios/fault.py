"""What a fault is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from demo.world import World


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: entering `happen(world)` causes it for real, leaving heals it.

    `alerts` are all that fire because of it; they resolve once it is healed.
    """

    name: str
    alerts: frozenset[str]
    happen: Callable[[World], AbstractContextManager[None]]
