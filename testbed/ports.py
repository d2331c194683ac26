"""Free ports on loopback."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from testbed.errors import StackError

LOOPBACK = "127.0.0.1"

_given: set[int] = set()


def free_port() -> int:
    """Return a free loopback TCP port that stays free until its server listens.

    It is below the range of ephemeral ports, which any client could take in the meantime.
    """
    lowest_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = range(10_000, max(lowest_ephemeral, 20_000))
    for port in random.sample(candidates, k=200):
        if port not in _given and is_free(port):
            _given.add(port)
            return port
    raise StackError(f"no free port on {LOOPBACK} below {candidates.stop}")


def is_free(port: int) -> bool:
    """Return whether a server can listen on `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
