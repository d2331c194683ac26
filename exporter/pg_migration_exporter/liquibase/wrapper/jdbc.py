"""The JDBC URL of PostgreSQL's driver, and the same connection for libpq.

Source: the driver's documentation, "Connecting to the Database". Drivers that wrap it put their
name between `jdbc:` and `postgresql:`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from psycopg.conninfo import make_conninfo

_URL = re.compile(
    r"jdbc:(?:[\w-]+:)*postgresql:(?://(?P<servers>[^/?]*)/?)?(?P<database>[^?]*)(?:\?(?P<query>.*))?"
)
_SERVER = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>\d+))?")
_DEFAULT_PORT = "5432"


@dataclass(frozen=True, slots=True)
class JdbcUrl:
    """The parts of a URL; `servers` are pairs of host and port, `database` may be ""."""

    servers: tuple[tuple[str, str], ...]
    database: str
    parameters: Mapping[str, str]

    def conninfo(self, user: str | None, password: str | None, **options: str) -> str:
        """Return a libpq connection string; `options` take precedence, libpq's defaults apply."""
        parameters = {
            "host": ",".join(host for host, _ in self.servers),
            "port": ",".join(port for _, port in self.servers),
            "dbname": self.database or None,
            "user": user or self.parameters.get("user"),
            "password": password or self.parameters.get("password"),
            "target_session_attrs": "read-write" if len(self.servers) > 1 else None,
            "sslrootcert": self.parameters.get("sslrootcert"),
            "sslmode": self.parameters.get("sslmode") or self._default_sslmode,
        }
        return make_conninfo("", **parameters | options)

    @property
    def _default_sslmode(self) -> str | None:
        """The equivalent of the driver's parameter `ssl`, which libpq does not have."""
        return None if self.parameters.get("ssl", "false") == "false" else "verify-full"


def parse_jdbc_url(url: str) -> JdbcUrl | None:
    """Parse a URL; return None if it is not a PostgreSQL URL.

    The driver knows no user before the host. What looks like one may have a password in it.
    """
    match = _URL.fullmatch(url.strip())
    if match is None or "@" in url.partition("?")[0]:
        return None
    servers = (match["servers"] or "localhost").split(",")
    matches = [_SERVER.fullmatch(server) for server in servers]
    return JdbcUrl(
        tuple(
            (server["host"].strip("[]") or "localhost", server["port"] or _DEFAULT_PORT)
            for server in matches
            if server is not None
        ),
        unquote(match["database"].strip("/")),
        dict(parse_qsl(match["query"] or "", keep_blank_values=True)),
    )
