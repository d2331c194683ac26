"""Servers as HOST:PORT, in one spelling: how a DSN and a JDBC URL are seen to mean the same one."""

from __future__ import annotations

from typing import Annotated

from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator

from pg_migration_exporter.config.types import Address

_DEFAULT_PORT = "5432"
_LOCALHOST = "localhost"
_SAME_AS_LOCALHOST = ("", "127.0.0.1", "::1")


def same_spelling(server: str) -> str:
    """HOST:PORT in lower case without brackets; all names of the loopback interface are one."""
    host, _, port = server.strip().lower().rpartition(":")
    host = host.strip("[]")
    is_local = host in _SAME_AS_LOCALHOST or host.startswith("/")
    return f"{_LOCALHOST if is_local else host}:{port}"


def servers_of(dsn: str) -> tuple[str, ...]:
    """The servers that a DSN names; none where a service file does."""
    given = conninfo_to_dict(dsn)
    if given.get("service"):
        return ()
    hosts = str(given.get("host") or given.get("hostaddr") or "").split(",")
    ports = str(given.get("port") or "").split(",")
    if len(ports) != len(hosts):
        ports = ports[:1] * len(hosts)
    pairs = zip(hosts, ports, strict=True)
    return tuple(same_spelling(f"{host}:{port or _DEFAULT_PORT}") for host, port in pairs)


Server = Annotated[Address, AfterValidator(same_spelling)]
