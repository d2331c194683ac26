"""HTTP requests to an exporter, with the login and the client certificate of the environment.

An exporter may require a login (`web.basic_auth_users`) and a certificate
(`web.tls_server_config`).
"""

from __future__ import annotations

import base64
import http.client
import os
import ssl
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from pg_migration_exporter.errors import ConfigError

if TYPE_CHECKING:
    from http.client import HTTPResponse

LOGIN = "PG_MIGRATION_EXPORTER_LOGIN"
#: Files in PEM; the key may be in the certificate's.
CERT_FILE = "PG_MIGRATION_EXPORTER_CERT_FILE"
KEY_FILE = "PG_MIGRATION_EXPORTER_KEY_FILE"


def open_url(url: str, timeout: float, **headers: str) -> HTTPResponse:
    """Open an http or https URL; a redirect is followed without the login.

    Raises OSError, HTTPException or ConfigError.
    """
    request = Request(url, headers=headers)  # noqa: S310 - callers have checked the scheme
    if login := os.environ.get(LOGIN):
        encoded = base64.b64encode(login.encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {encoded}")
    context = tls_context() if request.type == "https" else None
    try:
        response: HTTPResponse = urlopen(request, timeout=timeout, context=context)  # noqa: S310
    except HTTPError as error:
        error.close()  # it holds the connection, and nobody reads its body
        raise
    return response


def connection(
    scheme: str, host: str, port: int | None, timeout: float
) -> http.client.HTTPConnection:
    """Return a connection that is not open yet. Raises ConfigError."""
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=tls_context())
    return http.client.HTTPConnection(host, port, timeout=timeout)


def tls_context() -> ssl.SSLContext:
    """Return a context that verifies the exporter and presents the client certificate, if any.

    Raises ConfigError for files that cannot be used; the message does not repeat their contents.
    """
    context = ssl.create_default_context()
    cert, key = os.environ.get(CERT_FILE), os.environ.get(KEY_FILE)
    if cert:
        try:
            context.load_cert_chain(cert, key or None, password=bytes)
        except ssl.SSLError as error:
            reason = "not a certificate and the key that fits it, in PEM and not encrypted"
            raise ConfigError(f"{_describe(cert, key)}: {reason}") from error
        except OSError as error:
            raise ConfigError(
                f"{_describe(cert, key)}: cannot be read: {error.strerror}"
            ) from error
    elif key:
        raise ConfigError(f"{KEY_FILE}: needs {CERT_FILE}, the certificate that the key fits")
    return context


def _describe(cert: str, key: str | None) -> str:
    return f"{CERT_FILE}: {cert}" + (f", {KEY_FILE}: {key}" if key else "")
