"""`health`: check that the exporter on this machine answers.

A container runs it twice a minute: it imports little, and it needs no settings.
"""

from __future__ import annotations

import argparse
import ssl
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection

from pg_migration_exporter.http_client import tls_context

_PATH = "/healthz"
#: Seconds for each step of a request.
_TIMEOUT = 4.0
#: An exporter that requires a login is alive too.
_ALIVE = (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        f"Request {_PATH} from the exporter on this machine, over TLS if it uses TLS; no login is "
        "needed. Exit code 0: it answers; 1: it does not."
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=9886, help="default: %(default)s")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Send a request over HTTP, then over TLS; a timeout is final."""
    at = (options.host, options.port)
    try:
        try:
            status = _request(HTTPConnection(*at, timeout=_TIMEOUT))
        except (HTTPException, ConnectionError):  # a TLS server ends an HTTP connection
            status = _request(HTTPSConnection(*at, timeout=_TIMEOUT, context=_unverified()))
    except (HTTPException, OSError) as error:
        print(f"no answer from {options.host}:{options.port}: {error}", file=sys.stderr)
        return 1
    print(f"{options.host}:{options.port} answers {status}")
    return 0 if status in _ALIVE else 1


def _request(connection: HTTPConnection) -> int:
    try:
        connection.request("GET", _PATH)
        return connection.getresponse().status
    finally:
        connection.close()


def _unverified() -> ssl.SSLContext:
    """Return a context that accepts any certificate: only the answer matters."""
    context = tls_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
