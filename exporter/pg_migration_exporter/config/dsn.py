"""Which connection strings of libpq are accepted."""

from __future__ import annotations

import re

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from pg_migration_exporter.errors import ConfigError

_URL = re.compile(r"postgres(?:ql)?://(?P<rest>.*)", re.DOTALL)
#: A name, an address, a directory of a Unix socket, or a name of an abstract one.
_HOST = re.compile(r"[\w.:%-]*|[/@].*", re.DOTALL)
_PORT = re.compile(r"\d{0,5}")


def check_dsn(configured: SecretStr | None, source: str) -> None:
    """Raise ConfigError, which repeats nothing of it, for one that libpq cannot read.

    Also for one that libpq reads in another way than it looks: a part of the password would be
    the host, which is looked up, logged and shown.
    """
    if configured is None:
        return
    dsn = configured.get_secret_value()
    try:
        given = conninfo_to_dict(dsn)
    except ProgrammingError:
        # libpq's message quotes the string, which may contain the password.
        given = None
    if _is_ambiguous(dsn) or (given is not None and not _names_servers(given)):
        raise ConfigError(
            f"{source}: host, port, or an @ or / in a user name, password or database, cannot be "
            "read; write @ as %40 and / as %2F in a URL"
        )
    if given is None:
        raise ConfigError(
            f"{source}: not a libpq connection string; write "
            "postgresql://USER@HOST:PORT/DATABASE (special characters percent-encoded) or "
            "host=HOST port=PORT dbname=DATABASE user=USER"
        )


def _is_ambiguous(dsn: str) -> bool:
    """Whether a URL has an @ after what libpq takes for its user and password."""
    match = _URL.match(dsn)
    if match is None:
        return False
    user, at, rest = match["rest"].partition("@")
    has_user = bool(at) and "/" not in user
    return "@" in (rest if has_user else match["rest"]).partition("?")[0]


def _names_servers(given: dict[str, str | int | None]) -> bool:
    hosts, ports = (str(given.get(key) or "").split(",") for key in ("host", "port"))
    return all(map(_HOST.fullmatch, hosts)) and all(map(_PORT.fullmatch, ports))
