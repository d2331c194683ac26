"""TLS of the listener: a context that is made once, and a certificate that can be renewed in it."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

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
        """Have new connections of the context use it. Raises ssl.SSLError.

        OpenSSL reads files alone; it is given memory under a name, so that what was tried before
        is what is loaded, though the files may change meanwhile.
        """
        with _as_file(self.chain) as chain, _as_file(self.key) as key:
            context.load_cert_chain(chain, key, password=_no_password)


class ListenerTls:
    """The TLS of one listener. Raises ConfigError, where a file cannot be used."""

    def __init__(self, section: TlsServerSection) -> None:
        self._section = section
        self.context = _new_context()
        self.context.minimum_version = _VERSIONS[section.min_version]
        if section.client_ca_file is not None:
            _trust(self.context, section.client_ca_file)
        self.context.verify_mode = _VERIFY[section.client_auth_type]
        self.renewal()()

    def renewal(self) -> Callable[[], None]:
        """Try the files as they are now; what has new connections see them, and cannot fail."""
        return partial(self._read_certificate().load_into, self.context)

    def _read_certificate(self) -> Certificate:
        section = self._section
        assert section.cert_file is not None
        assert section.key_file is not None
        found = Certificate(
            _read(section.cert_file, "cert_file", "CERTIFICATE-----"),
            _read(section.key_file, "key_file", "PRIVATE KEY-----"),
        )
        try:
            found.load_into(_new_context())
        except (ssl.SSLError, _EncryptedKeyError) as error:
            raise ConfigError(
                f"{_SECTION}: {section.cert_file} and {section.key_file} cannot be used: "
                f"{_reason(error)}"
            ) from None
        return found


def listener_tls(section: TlsServerSection) -> ListenerTls | None:
    """The TLS that the configuration asks for, if it does. Raises ConfigError."""
    return ListenerTls(section) if section.cert_file is not None else None


class _EncryptedKeyError(Exception):
    """A key that only a person could open; OpenSSL would ask at the terminal."""


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
    """What is in the file. Raises ConfigError; nothing of a file is ever repeated."""
    where = f"{_SECTION}.{key}: {file}"
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{where}: cannot be read: {error.strerror}") from error
    if marker.encode() not in content:
        raise ConfigError(f"{where}: not PEM; it has a line that ends with {marker}")
    return content


def _reason(error: Exception) -> str:
    if isinstance(error, _EncryptedKeyError):
        return "the key is encrypted; give one that is not, readable by the exporter alone"
    if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
        return "the key does not fit the certificate; give the two that were made together"
    return "one of them is damaged; make or copy both again"


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    descriptor = os.memfd_create("pem")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{descriptor}"
