"""The schema of the HTTP listener: TLS and basic authentication.

The keys are those of Prometheus's exporter-toolkit ("TLS and basic authentication").
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from pg_migration_exporter.config.section import Section

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


Hash = Annotated[SecretStr, AfterValidator(_check_hash)]
User = Annotated[str, AfterValidator(_check_user)]


class TlsServerSection(Section):
    """TLS of the listener; without a certificate, plain HTTP."""

    cert_file: Path | None = None
    key_file: Path | None = None
    client_auth_type: Literal[
        "NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"
    ] = "NoClientCert"
    client_ca_file: Path | None = None
    min_version: Literal["TLS12", "TLS13"] = "TLS12"

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
        return self

    def with_directory(self, directory: Path) -> Self:
        """Return the section with its relative files in `directory`."""
        files = ("cert_file", "key_file", "client_ca_file")
        given = {name: getattr(self, name) for name in files}
        return self.model_copy(
            update={name: directory / file for name, file in given.items() if file is not None}
        )


class WebSection(Section):
    """TLS and logins of the listener; `basic_auth_users` are bcrypt hashes by user."""

    tls_server_config: TlsServerSection = Field(default_factory=TlsServerSection)
    basic_auth_users: dict[User, Hash] = Field(default_factory=dict)

    def with_directory(self, directory: Path) -> Self:
        """Return the section with its relative files in `directory`, that of the configuration."""
        tls = self.tls_server_config.with_directory(directory)
        return self.model_copy(update={"tls_server_config": tls})
