"""TLS of the listener: a context made once, whose certificate can be renewed."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pg_migration_exporter.config.web import TlsServerSection
from pg_migration_exporter.errors import ConfigError

_SECTION = "web.tls_server_config"
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_VERIFY = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its chain, and the key that fits it, as PEM."""

    chain: bytes
    key: bytes = field(repr=False)

    def load_into(self, context: ssl.SSLContext) -> None:
        """Use it for new connections of the context. Raises ssl.SSLError.

        OpenSSL reads only files. Files in memory make sure that what was tried before is what is
        loaded, even if the real files have changed.
        """
        with _as_file(self.chain) as chain, _as_file(self.key) as key:
            context.load_cert_chain(chain, key, password=_no_password)


class ListenerTls:
    """The TLS of one listener. Raises ConfigError for files that cannot be used."""

    def __init__(self, section: TlsServerSection) -> None:
        self._section = section
        self.context = _new_context()
        self.context.minimum_version = _VERSIONS[section.min_version]
        self.context.maximum_version = _VERSIONS[section.max_version]
        if section.cipher_suites:
            self.context.set_ciphers(":".join(map(_openssl_name, section.cipher_suites)))
        if section.client_ca_file is not None:
            _trust(self.context, section.client_ca_file)
        self.context.verify_mode = _VERIFY[section.client_auth_type]
        self.renewal()()

    def admits(self, certificate: dict[str, Any] | None) -> bool:
        """Return whether a client with this verified certificate may connect.

        `certificate` is that of `ssl.SSLSocket.getpeercert`.
        """
        allowed = {_normalized(name) for name in self._section.client_allowed_sans}
        names = (certificate or {}).get("subjectAltName", ())
        return not allowed or any(_normalized(name) in allowed for _, name in names)

    def renewal(self) -> Callable[[], None]:
        """Try the files as they are now; return what puts them into effect and cannot fail."""
        return partial(self._read_certificate().load_into, self.context)

    def _read_certificate(self) -> Certificate:
        section = self._section
        assert section.cert_file is not None
        assert section.key_file is not None
        certificate = Certificate(
            _read(section.cert_file, "cert_file", "CERTIFICATE-----"),
            _read(section.key_file, "key_file", "PRIVATE KEY-----"),
        )
        try:
            certificate.load_into(_new_context())
        except (ssl.SSLError, _EncryptedKeyError) as error:
            raise ConfigError(
                f"{_SECTION}: {section.cert_file} and {section.key_file} cannot be used: "
                f"{_reason(error)}"
            ) from None
        return certificate


def listener_tls(section: TlsServerSection) -> ListenerTls | None:
    """Return the configured TLS, None without a certificate. Raises ConfigError."""
    return ListenerTls(section) if section.cert_file is not None else None


def _openssl_name(suite: str) -> str:
    """Return OpenSSL's name of a suite of TLS 1.2 (openssl-ciphers(1))."""
    key_exchange, _, cipher = suite.removeprefix("TLS_").partition("_WITH_")
    cipher = cipher.replace("AES_", "AES").replace("POLY1305_SHA256", "POLY1305")
    return f"{key_exchange}_{cipher}".replace("_", "-")


def _normalized(name: str) -> str:
    """Return the usual spelling of an address; other names have only one."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name


class _EncryptedKeyError(Exception):
    """An encrypted key; OpenSSL would ask for its password at the terminal."""


def _no_password() -> str:
    raise _EncryptedKeyError


def _new_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    return context


def _trust(context: ssl.SSLContext, file: Path) -> None:
    authorities = _read(file, "client_ca_file", "CERTIFICATE-----")
    try:
        context.load_verify_locations(cadata=authorities.decode("ascii"))
    except (ssl.SSLError, ValueError):
        raise ConfigError(f"{_SECTION}.client_ca_file: {file}: not certificates in PEM") from None


def _read(file: Path, key: str, marker: str) -> bytes:
    """Return the content of a file. Raises ConfigError, which never quotes the content."""
    where = f"{_SECTION}.{key}: {file}"
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{where}: cannot be read: {error.strerror}") from error
    if marker.encode() not in content:
        raise ConfigError(f"{where}: not PEM; a PEM file has a line that ends with {marker}")
    return content


def _reason(error: Exception) -> str:
    if isinstance(error, _EncryptedKeyError):
        return "the key is encrypted; use one that is not, readable by the exporter only"
    if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
        return "the key does not match the certificate; use the two that were made together"
    return "one of them is damaged; create or copy both again"


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    descriptor = os.memfd_create("pem")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{descriptor}"
