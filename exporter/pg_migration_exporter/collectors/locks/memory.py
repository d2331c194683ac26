"""What is remembered of waits for locks between scrapes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pg_migration_exporter.collectors.locks.chains import Chains, LockSession


class SessionId(NamedTuple):
    """What identifies a session on one server."""

    pid: int
    backend_start: float


@dataclass(slots=True)
class ReportedRoot:
    """A session at the head of a chain that was reported.

    `most_waiting` and `longest_wait` (seconds) are the greatest values so far.
    """

    session: LockSession
    datname: str
    most_waiting: int
    longest_wait: float


@dataclass(slots=True)
class LockMemory:
    """The chains in the latest read, and the roots that were reported."""

    chains: Chains = field(default_factory=Chains)
    reported: dict[SessionId, ReportedRoot] = field(default_factory=dict)

    def report(self) -> list[dict[str, Any]]:
        """Return the trees of waiting sessions, each under the one that it waits for, as JSON."""
        return [self.chains.tree(root.pid) for root in self.chains.roots()]
