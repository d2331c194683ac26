"""What one client may cost before it has shown who it is."""

from __future__ import annotations

import contextlib
import ipaddress
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: File descriptors that a process with a few targets never uses up.
_FILES = 8192


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the listener: times in seconds, sizes in bytes."""

    #: Connections at a time, and how many of them only scrapes and health checks may use.
    connections: int
    reserved: int
    #: Request line and headers; Apache and Go count headers too, since each costs an object.
    head_size: int = 64 * 1024
    headers: int = 100
    #: From the first byte of a request, or of a TLS handshake, to its last header.
    head_time: float = 10.0
    #: From the last header to the end of the body.
    body_time: float = 30.0
    #: Between requests. Longer than any usual scrape interval, so that Prometheus keeps its
    #: connection.
    idle_time: float = 130.0
    #: Without a client reading what it has asked for.
    unread_time: float = 30.0
    #: Of responses that their clients have not read yet, all together.
    unread_size: int = 32 << 20


def limits_for(max_connections: int, files: int) -> Limits:
    """Return the limits of a process that may open `files` files; databases need some too."""
    connections = min(max_connections, files // 2)
    return Limits(connections=connections, reserved=connections // 8)


def raise_file_limit() -> int:
    """Raise the limit of open files as far as it may be, at most to `_FILES`; return it.

    A sandbox may forbid it, as that of the systemd unit does, which sets the limit itself.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
    return _FILES if soft == resource.RLIM_INFINITY else soft


def client_key(host: str) -> str:
    """Return what counts as one client: an IPv4 address, or a network of IPv6 (RFC 6177: /64)."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def client_of(scope: Mapping[str, Any]) -> str:
    """Return what counts as the client of an ASGI request."""
    client = scope.get("client")
    return client_key(client[0]) if client else ""
