"""Servers as normalized HOST:PORT, so that a DSN and a JDBC URL can be compared."""

from __future__ import annotations

from typing import Annotated

from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator

from pg_migration_exporter.config.value_types import Address

_DEFAULT_PORT = "5432"
_LOCALHOST = "localhost"
_SAME_AS_LOCALHOST = ("", "127.0.0.1", "::1")


def normalize_server(server: str) -> str:
    """Return HOST:PORT in lower case without brackets; every loopback address is localhost."""
    host, _, port = server.strip().lower().rpartition(":")
    host = host.strip("[]")
    is_local = host in _SAME_AS_LOCALHOST or host.startswith("/")
    return f"{_LOCALHOST if is_local else host}:{port}"


def servers_in_dsn(dsn: str) -> tuple[str, ...]:
    """Return the servers of a DSN; none if it names a service."""
    given = conninfo_to_dict(dsn)
    if given.get("service"):
        return ()
    hosts = str(given.get("host") or given.get("hostaddr") or "").split(",")
    ports = str(given.get("port") or "").split(",")
    if len(ports) != len(hosts):
        ports = ports[:1] * len(hosts)
    pairs = zip(hosts, ports, strict=True)
    return tuple(normalize_server(f"{host}:{port or _DEFAULT_PORT}") for host, port in pairs)


Server = Annotated[Address, AfterValidator(normalize_server)]
