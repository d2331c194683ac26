"""The schema of the HTTP listener: TLS, logins, limits and headers.

The keys are those of Prometheus's exporter-toolkit ("Web configuration"), except `max_connections`,
an option of Prometheus itself.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from pg_migration_exporter.config.section import Section
from pg_migration_exporter.config.value_types import parse_duration

_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{53}")
#: Each step doubles the cost; at 15, a check takes seconds of CPU time.
_MIN_COST = 4
_MAX_COST = 15


def _check_hash(value: SecretStr) -> SecretStr:
    """Refuse a value that is not a bcrypt hash; it is not quoted, as it may be the password."""
    match = _BCRYPT.fullmatch(value.get_secret_value())
    if match is None:
        raise ValueError("not a bcrypt hash; create one with `htpasswd -nBC 10 USER`")
    if not _MIN_COST <= int(match["cost"]) <= _MAX_COST:
        raise ValueError(f"the cost of the hash must be {_MIN_COST} to {_MAX_COST}; 10 is usual")
    return value


def _check_user(value: str) -> str:
    if not value or ":" in value or not value.isprintable():
        raise ValueError("not a user name; use one or more printable characters without a colon")
    return value


def _check_header(value: str) -> str:
    if not value or not value.isascii() or not value.isprintable():
        raise ValueError("not a value of a header; use printable ASCII characters")
    return value


Hash = Annotated[SecretStr, AfterValidator(_check_hash)]
User = Annotated[str, AfterValidator(_check_user)]
HeaderValue = Annotated[str, AfterValidator(_check_header)]
Version = Literal["TLS12", "TLS13"]
#: Those of TLS 1.2 with forward secrecy and authenticated encryption; TLS 1.3 has no others.
CipherSuite = Literal[
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
]
Header = Literal[
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
]


class TlsServerSection(Section):
    """TLS of the listener; without a certificate, plain HTTP."""

    cert_file: Path | None = None
    key_file: Path | None = None
    client_auth_type: Literal[
        "NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"
    ] = "NoClientCert"
    client_ca_file: Path | None = None
    client_allowed_sans: tuple[str, ...] = ()
    min_version: Version = "TLS12"
    max_version: Version = "TLS13"
    cipher_suites: tuple[CipherSuite, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("set both cert_file and key_file, or neither")
        if (self.client_ca_file is None) != (self.client_auth_type == "NoClientCert"):
            raise ValueError(
                "client_ca_file needs client_auth_type VerifyClientCertIfGiven or "
                "RequireAndVerifyClientCert, and they need client_ca_file"
            )
        if self.cert_file is None and self.client_ca_file is not None:
            raise ValueError("client certificates need TLS; set cert_file and key_file")
        if self.client_allowed_sans and self.client_auth_type != "RequireAndVerifyClientCert":
            raise ValueError(
                "client_allowed_sans needs client_auth_type RequireAndVerifyClientCert"
            )
        if self.min_version > self.max_version:
            raise ValueError("min_version is newer than max_version; exchange them")
        return self

    def with_directory(self, directory: Path) -> Self:
        """Return the section with its relative files in `directory`."""
        files = ("cert_file", "key_file", "client_ca_file")
        given = {name: getattr(self, name) for name in files}
        return self.model_copy(
            update={name: directory / file for name, file in given.items() if file is not None}
        )


class HttpServerSection(Section):
    """Headers that are added to every response, or replace the exporter's own."""

    headers: dict[Header, HeaderValue] = Field(default_factory=dict)


class RateLimitSection(Section):
    """One request per `interval` seconds and `burst` more at once, for each client; 0 is no limit.

    A client is an IPv4 address or a /64 network of IPv6.
    """

    interval: Annotated[float, BeforeValidator(parse_duration), Field(ge=0, le=3600)] = 0.0
    burst: int = Field(default=0, ge=0, le=100_000)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.interval and not self.burst:
            raise ValueError("burst: at least 1, or every request is refused")
        return self


class WebSection(Section):
    """TLS, logins and limits of the listener; `basic_auth_users` are bcrypt hashes by user."""

    tls_server_config: TlsServerSection = Field(default_factory=TlsServerSection)
    http_server_config: HttpServerSection = Field(default_factory=HttpServerSection)
    basic_auth_users: dict[User, Hash] = Field(default_factory=dict)
    rate_limit: RateLimitSection = Field(default_factory=RateLimitSection)
    max_connections: int = Field(default=256, ge=16, le=4096)

    def with_directory(self, directory: Path) -> Self:
        """Return the section with its relative files in `directory`, that of the configuration."""
        tls = self.tls_server_config.with_directory(directory)
        return self.model_copy(update={"tls_server_config": tls})
