"""`health`: does the exporter on this machine answer? For a container, every half minute.

So it imports little, and needs no settings: what an exporter asks of its clients does not matter.
"""

from __future__ import annotations

import argparse
import ssl
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING

from pg_migration_exporter.http_client import tls_context

if TYPE_CHECKING:
    from pg_migration_exporter.cli.options import Subparsers

_PATH = "/healthz"
#: Seconds for each step of a request.
_TIMEOUT = 4.0
#: An exporter that asks for a login is alive too.
_ALIVE = (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED)


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "health",
        help="tell whether an exporter answers on this machine",
        description=f"Ask the exporter on this machine for {_PATH}, over TLS if it speaks that. "
        "It need not log in. Exit code 0: it answers; 1: it does not.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=9886, help="default: %(default)s")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask over HTTP, then over TLS, unless the first one took too long."""
    at = (options.host, options.port)
    try:
        try:
            status = _ask(HTTPConnection(*at, timeout=_TIMEOUT))
        except (HTTPException, ConnectionError):  # as TLS takes what is none
            status = _ask(HTTPSConnection(*at, timeout=_TIMEOUT, context=_unverified()))
    except (HTTPException, OSError) as error:
        print(f"no answer from {options.host}:{options.port}: {error}", file=sys.stderr)
        return 1
    print(f"{options.host}:{options.port} answers {status}")
    return 0 if status in _ALIVE else 1


def _ask(connection: HTTPConnection) -> int:
    try:
        connection.request("GET", _PATH)
        return connection.getresponse().status
    finally:
        connection.close()


def _unverified() -> ssl.SSLContext:
    """Whether others trust the exporter's certificate, or it has another name, is not asked."""
    context = tls_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
