"""The open connections of the listener, and which one makes room when there are too many.

Waiting connections cost nothing but their number, so they are the first to go: the oldest of the
client with the most. A client alone can thus only use up its own places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from pg_migration_exporter.metrics.refusals import Reason, Refusals
from pg_migration_exporter.web.limits import Limits


class Peer(Protocol):
    """One connection, from its acceptance on."""

    client_key: str

    @property
    def is_waiting(self) -> bool:
        """Whether no request is being answered."""

    @property
    def unread(self) -> int:
        """Bytes that its client has not read yet."""

    def abort(self) -> None:
        """End it now."""


class Connections:
    """The connections of one listener, the oldest first."""

    def __init__(self, limits: Limits, refusals: Refusals) -> None:
        self.limits = limits
        self.refusals = refusals
        self._peers: dict[Peer, None] = {}

    @property
    def is_crowded(self) -> bool:
        """Whether the rest is reserved for scrapes and health checks."""
        return len(self._peers) > self.limits.connections - self.limits.reserved

    def add(self, peer: Peer) -> None:
        """Add a connection; it, or another one, is ended if there are too many."""
        self._peers[peer] = None
        if len(self._peers) > self.limits.connections:
            self._end(self._least_missed(peer), Reason.TOO_MANY_CONNECTIONS)

    def discard(self, peer: Peer) -> None:
        """Forget a connection that has ended."""
        self._peers.pop(peer, None)

    def limit_unread(self) -> None:
        """End the connections with the most unread bytes while all have too many together."""
        waiting = sorted(self._peers, key=lambda peer: peer.unread)
        total = sum(peer.unread for peer in waiting)
        while total > self.limits.unread_size:
            total -= waiting[-1].unread
            self._end(waiting.pop(), Reason.TOO_SLOW)

    def end_waiting(self) -> None:
        """End the connections without a request."""
        for peer in [peer for peer in self._peers if peer.is_waiting]:
            peer.abort()

    def _end(self, peer: Peer, reason: Reason) -> None:
        self.refusals.count(reason, peer.client_key)
        self.discard(peer)
        peer.abort()

    def _least_missed(self, newcomer: Peer) -> Peer:
        clients = Counter(peer.client_key for peer in self._peers)
        [(heaviest, _)] = clients.most_common(1)
        others = [peer for peer in self._peers if peer is not newcomer]
        theirs = [peer for peer in others if peer.client_key == heaviest]
        waiting = _first_waiting(theirs) or _first_waiting(others)
        if waiting is not None:
            return waiting
        return newcomer if newcomer.client_key == heaviest else theirs[0]


def _first_waiting(peers: Iterable[Peer]) -> Peer | None:
    return next((peer for peer in peers if peer.is_waiting), None)
