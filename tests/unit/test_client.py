"""The client certificate of the environment: what cannot be used is named, and not repeated."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.http_client import CERT_FILE, KEY_FILE, tls_context
from tests.fixtures.certificates import Authority, Pair

Files = tuple[object, object]

UNFIT: dict[str, tuple[Callable[[Pair, Pair], Files], str]] = {
    "missing": (lambda ours, _: (ours.cert.with_name("no.crt"), ours.key), "no.crt, .* No such"),
    "other": (lambda ours, other: (ours.cert, other.key), "the key that fits it"),
    "swapped": (lambda ours, _: (ours.key, ours.cert), "the key that fits it"),
    "lonely": (lambda ours, _: ("", ours.key), f"^{KEY_FILE}: needs {CERT_FILE}"),
}


@pytest.mark.parametrize("unfit", UNFIT)
def test_what_cannot_be_used_is_named(
    unfit: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose, message = UNFIT[unfit]
    cert, key = choose(authority.issue("ours"), authority.issue("other"))
    monkeypatch.setenv(CERT_FILE, str(cert))
    monkeypatch.setenv(KEY_FILE, str(key))
    with pytest.raises(ConfigError, match=message) as refused:
        tls_context()
    assert "BEGIN" not in str(refused.value)


def test_an_encrypted_key_is_refused_without_asking_for_its_password(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = authority.issue("ours")
    monkeypatch.setenv(CERT_FILE, str(pair.cert))
    monkeypatch.setenv(KEY_FILE, str(pair.encrypted_key()))
    with pytest.raises(ConfigError, match=re.escape("in PEM and not encrypted")):
        tls_context()


def test_one_file_may_hold_both(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = authority.issue("ours")
    pair.cert.write_bytes(pair.cert.read_bytes() + pair.key.read_bytes())
    monkeypatch.setenv(CERT_FILE, str(pair.cert))
    tls_context()
