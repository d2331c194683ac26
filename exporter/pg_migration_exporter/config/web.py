"""The schema of the exporter's own HTTP listener: TLS, and who may ask.

The keys are those of Prometheus's exporter-toolkit ("TLS and basic authentication").
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from pg_migration_exporter.config.section import Section

_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{53}")
#: The cost of a hash doubles with each step: at 15, a check takes seconds of a processor.
_LEAST_COST, _MOST_COST = 4, 15


def _check_hash(value: SecretStr) -> SecretStr:
    """Refuse what is no bcrypt hash; it may be the password itself, so it is not repeated."""
    match = _BCRYPT.fullmatch(value.get_secret_value())
    if match is None:
        raise ValueError("not a bcrypt hash; make one with `htpasswd -nBC 10 USER`")
    if not _LEAST_COST <= int(match["cost"]) <= _MOST_COST:
        raise ValueError(f"a hash of cost {_LEAST_COST} to {_MOST_COST} is needed; 10 is usual")
    return value


def _check_user(value: str) -> str:
    if not value or ":" in value or not value.isprintable():
        raise ValueError("not a user name; it is one or more characters, and none is a colon")
    return value


Hash = Annotated[SecretStr, AfterValidator(_check_hash)]
User = Annotated[str, AfterValidator(_check_user)]


class TlsServerSection(Section):
    """TLS, where there is a certificate."""

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
            raise ValueError("give both of cert_file and key_file, or neither")
        if (self.client_ca_file is None) != (self.client_auth_type == "NoClientCert"):
            raise ValueError(
                "client_ca_file goes with VerifyClientCertIfGiven or RequireAndVerifyClientCert"
            )
        if self.cert_file is None and self.client_ca_file is not None:
            raise ValueError("client certificates need TLS: give cert_file and key_file")
        return self

    def beside(self, folder: Path) -> Self:
        """The same, its relative files in `folder`."""
        files = ("cert_file", "key_file", "client_ca_file")
        given = {name: getattr(self, name) for name in files}
        return self.model_copy(
            update={name: folder / file for name, file in given.items() if file is not None}
        )


class WebSection(Section):
    """Who may ask, and over what; `basic_auth_users` are bcrypt hashes by user."""

    tls_server_config: TlsServerSection = Field(default_factory=TlsServerSection)
    basic_auth_users: dict[User, Hash] = Field(default_factory=dict)

    def beside(self, folder: Path) -> Self:
        """The same, its relative files in `folder`, where the configuration is."""
        return self.model_copy(update={"tls_server_config": self.tls_server_config.beside(folder)})
