"""The section `web`: what is refused, and that no password is repeated while it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pg_migration_exporter.config import load_settings
from pg_migration_exporter.config.web import TlsServerSection, WebSection
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.web.tls import listener_tls
from tests.fixtures.certificates import Authority

SALTED = "$05$" + "a" * 53


def load(tmp_path: Path, web: str) -> WebSection:
    file = tmp_path / "config.yaml"
    file.write_text(f"web: {web}\n")
    return load_settings(file, dsn="host=db").web


@pytest.mark.parametrize("kind", ["$2a", "$2b", "$2y"])
def test_hashes_of_every_bcrypt_are_taken(tmp_path: Path, kind: str) -> None:
    web = load(tmp_path, f"{{basic_auth_users: {{prometheus: '{kind}{SALTED}'}}}}")
    assert web.basic_auth_users["prometheus"].get_secret_value() == kind + SALTED
    assert SALTED not in repr(web)


@pytest.mark.parametrize(
    ("web", "message"),
    [
        (
            "{basic_auth_users: {a: s3cret}}",
            "web.basic_auth_users.a: not a bcrypt hash; create one",
        ),
        ("{basic_auth_users: {a: 's3cret$2b$10$'}}", "basic_auth_users.a: not a bcrypt hash"),
        ("{basic_auth_users: [s3cret]}", "web.basic_auth_users: input should be a valid dict"),
        (
            f"{{basic_auth_users: {{a: '$2b$16${'a' * 53}'}}}}",
            "the cost of the hash must be 4 to 15",
        ),
        (f"{{basic_auth_users: {{'a:b': '$2b{SALTED}'}}}}", "not a user name"),
        ("{tls_server_config: {cert_file: c}}", "set both cert_file and key_file"),
        ("{tls_server_config: {client_ca_file: c}}", "client_ca_file needs client_auth_type"),
        (
            "{tls_server_config: {cert_file: c, key_file: k, "
            "client_auth_type: RequireAndVerifyClientCert}}",
            "client_ca_file needs client_auth_type",
        ),
        (
            "{tls_server_config: {client_ca_file: c, client_auth_type: VerifyClientCertIfGiven}}",
            "client certificates need TLS; set cert_file and key_file",
        ),
        (
            "{tls_server_config: {client_auth_type: RequireAnyClientCert}}",
            "client_auth_type: input should be 'NoClientCert', 'VerifyClientCertIfGiven' or",
        ),
        ("{tls_server_config: {min_version: TLS11}}", "input should be 'TLS12' or 'TLS13'"),
        (
            "{tls_server_config: {min_version: TLS13, max_version: TLS12}}",
            "min_version is newer than max_version",
        ),
        (
            "{tls_server_config: {client_allowed_sans: [a.example.com]}}",
            "client_allowed_sans needs client_auth_type RequireAndVerifyClientCert",
        ),
        (
            "{tls_server_config: {cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}}",
            "cipher_suites.0: input should be 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'",
        ),
        (
            '{http_server_config: {headers: {X-Frame-Options: "deny\\r\\nSet-Cookie: a"}}}',
            "headers.X-Frame-Options: not a value of a header",
        ),
        ("{http_server_config: {headers: {Set-Cookie: a}}}", "headers.Set-Cookie"),
        ("{rate_limit: {interval: 1s}}", "burst: at least 1, or every request is refused"),
        ("{max_connections: 1}", "max_connections: input should be greater than or equal to 16"),
        ("{tls_config: {}}", "unknown key"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, web: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, web)
    assert str(raised.value).startswith(f"{tmp_path}/config.yaml:1: web.")
    assert message in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_files_are_beside_the_configuration(tmp_path: Path) -> None:
    tls = load(tmp_path, "{tls_server_config: {cert_file: a.crt, key_file: /b.key}}")
    section = tls.tls_server_config
    assert (section.cert_file, section.key_file) == (tmp_path / "a.crt", Path("/b.key"))


@pytest.fixture
def section(authority: Authority, tmp_path: Path) -> TlsServerSection:
    """One that can be used; the tests spoil its files."""
    pair = authority.issue("web")
    shutil.copy(authority.cert, tmp_path / "ca.crt")
    return TlsServerSection(
        cert_file=pair.cert,
        key_file=pair.key,
        client_ca_file=tmp_path / "ca.crt",
        client_auth_type="VerifyClientCertIfGiven",
    )


def test_files_that_fit_are_taken(section: TlsServerSection) -> None:
    assert listener_tls(section) is not None
    assert listener_tls(TlsServerSection()) is None


@pytest.mark.parametrize(
    ("key", "content", "message"),
    [
        ("cert_file", None, "cert_file: {file}: cannot be read: No such file or directory"),
        ("key_file", None, "key_file: {file}: cannot be read: No such file or directory"),
        ("client_ca_file", None, "client_ca_file: {file}: cannot be read: No such file"),
        ("cert_file", "s3cret", "cert_file: {file}: not PEM"),
        ("key_file", "s3cret", "key_file: {file}: not PEM"),
        ("client_ca_file", "-----BEGIN CERTIFICATE-----\ns3cret", "not certificates in PEM"),
        ("key_file", "-----BEGIN PRIVATE KEY-----\ns3cret", "one of them is damaged"),
        ("cert_file", "-----BEGIN CERTIFICATE-----\ns3cret", "one of them is damaged"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    section: TlsServerSection, key: str, content: str | None, message: str
) -> None:
    file: Path = getattr(section, key)
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(ConfigError) as raised:
        listener_tls(section)
    assert message.format(file=file) in str(raised.value)
    assert str(raised.value).startswith("web.tls_server_config")
    assert "s3cret" not in str(raised.value)


def test_a_key_of_another_certificate_is_refused(
    section: TlsServerSection, authority: Authority
) -> None:
    other = section.model_copy(update={"key_file": authority.issue("other").key})
    with pytest.raises(ConfigError, match="the key does not match the certificate"):
        listener_tls(other)


def test_an_encrypted_key_is_refused_without_a_question(
    section: TlsServerSection, authority: Authority
) -> None:
    pair = authority.issue("encrypted")
    files = {"cert_file": pair.cert, "key_file": pair.encrypted_key()}
    with pytest.raises(ConfigError, match="the key is encrypted"):
        listener_tls(section.model_copy(update=files))
