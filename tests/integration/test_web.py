"""TLS and basic authentication of a real exporter, as clients of several kinds meet them."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest
import yaml

from pg_migration_exporter.config import load_settings
from testbed.database import Database
from testbed.exporter import Exporter
from testbed.ports import LOOPBACK
from testbed.programs import exporter_command
from testbed.prometheus import Prometheus, Scraping
from testbed.workspace import Workspace
from tests.fixtures.certificates import Authority, Pair
from tests.fixtures.exporters import Page
from tests.fixtures.raw_http import connected

_numbers = count(1)

USER, PASSWORD = "prometheus", "s3cret of the page"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
LOGIN = {"basic_auth_users": {USER: HASH}}
PATHS = (
    "/",
    "/metrics",
    "/probe",
    "/sd",
    "/healthz",
    "/readyz",
    "/events",
    "/api/v1/status",
    "/no",
)


class SecuredExporter(Exporter):
    """One that is asked over https by `client`."""

    client: httpx.Client

    @property
    def url(self) -> str:
        return f"https://{LOOPBACK}:{self.port}"

    def get(self, path: str, **params: str) -> httpx.Response:
        return self.client.get(self.url + path, params=params).raise_for_status()

    def refused(self, reason: str) -> float:
        """How many clients were refused for this reason."""
        return Page(self.metrics()).value("migration_exporter_http_refused_total", reason=reason)

    def certificate(self) -> str:
        """What a new connection is shown."""
        return ssl.get_server_certificate((LOOPBACK, self.port))


Start = Callable[..., SecuredExporter]


@pytest.fixture
def pair(authority: Authority) -> Pair:
    """The exporter's certificate."""
    return authority.issue("exporter")


@pytest.fixture
def connect(authority: Authority) -> Iterator[Callable[..., httpx.Client]]:
    """Clients that trust the authority and log in, unless they are told otherwise."""
    with ExitStack() as stack:

        def make(certificate: Pair | None = None, **options: Any) -> httpx.Client:
            context = ssl.create_default_context(cafile=str(authority.cert))
            if certificate is not None:
                context.load_cert_chain(certificate.cert, certificate.key)
            defaults: dict[str, Any] = {"verify": context, "auth": (USER, PASSWORD)}
            options = {**defaults, "trust_env": False, "timeout": 30} | options
            return stack.enter_context(httpx.Client(**options))

        yield make


@pytest.fixture
def start(
    workspace: Workspace, database: Database, pair: Pair, connect: Callable[..., httpx.Client]
) -> Iterator[Start]:
    """Start an exporter with TLS: `start(client, key_of_web=value, tls={...}, reports={...})`."""
    with ExitStack() as stack:

        def make(
            client: httpx.Client | None = None,
            tls: dict[str, Any] | None = None,
            reports: dict[str, Any] | None = None,
            **web: Any,
        ) -> SecuredExporter:
            files = {"cert_file": str(pair.cert), "key_file": str(pair.key)}
            config = {
                "postgres": {"dsn": database.conninfo()},
                "web": {"tls_server_config": files | (tls or {})} | web,
                "reports": reports or {},
            }
            exporter = SecuredExporter(workspace, config, f"secured_{next(_numbers)}")
            exporter.client = client or connect()
            return stack.enter_context(exporter)

        yield make


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(exporter_command()), *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def reload(exporter: SecuredExporter) -> httpx.Response:
    return exporter.client.post(f"{exporter.url}/-/reload")


def test_whoever_trusts_the_authority_and_logs_in_sees_all(
    start: Start, connect: Callable[..., httpx.Client]
) -> None:
    exporter = start(**LOGIN)
    pages = [exporter.get(path).text for path in ("/", "/metrics", "/api/v1/status", "/healthz")]
    assert "postgres_up 1" in pages[1]
    with exporter.client.stream("GET", f"{exporter.url}/events") as events:
        assert events.status_code == 200
        next(line for line in events.iter_lines() if line.startswith("data: "))
    entry = exporter.api("/sd")[0]
    assert entry["labels"] == {"__metrics_path__": "/metrics", "__scheme__": "https"}
    assert reload(exporter).status_code == 200

    for auth in (None, (USER, "not_the_s3cret"), ("nobody", PASSWORD)):
        client = connect(auth=auth)
        answers = [client.get(exporter.url + path) for path in PATHS]
        answers.append(client.post(f"{exporter.url}/-/reload"))
        assert {answer.status_code for answer in answers} == {401}
        assert {answer.headers["WWW-Authenticate"].split()[0] for answer in answers} == {"Basic"}
        pages += [answer.text for answer in answers]
        # Reports have a token of their own, and this exporter takes none.
        assert client.post(f"{exporter.url}/api/v1/reports").status_code == 404

    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        connect(verify=ssl.create_default_context()).get(exporter.url)
    with pytest.raises(httpx.TransportError):
        connect().get(f"http://{exporter.address}/metrics")
    output = exporter.process.output()
    assert f"serves https://{exporter.address}/metrics" in output
    for text in (output, *pages):
        for secret in (PASSWORD, HASH, "not_the_s3cret"):
            assert secret not in text


def requiring_certificates(authority: Authority) -> dict[str, Any]:
    """Keys of tls_server_config."""
    return {
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": str(authority.cert),
    }


def test_a_client_certificate_can_be_required(
    start: Start, connect: Callable[..., httpx.Client], authority: Authority, tmp_path: Path
) -> None:
    ours = connect(certificate=authority.issue("client"))
    exporter = start(ours, tls=requiring_certificates(authority) | {"min_version": "TLS13"})
    assert "postgres_up 1" in exporter.metrics()

    (tmp_path / "elsewhere").mkdir()
    stranger = Authority(tmp_path / "elsewhere").issue("client")
    for refused in (connect(), connect(certificate=stranger)):
        with pytest.raises(httpx.TransportError):
            refused.get(f"{exporter.url}/metrics")
    old = ssl.create_default_context(cafile=str(authority.cert))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(httpx.ConnectError, match="SSL"):
        connect(verify=old).get(exporter.url)
    assert "postgres_up 1" in exporter.metrics()


def test_a_client_certificate_can_be_optional(
    start: Start, connect: Callable[..., httpx.Client], authority: Authority, tmp_path: Path
) -> None:
    tls = {"client_auth_type": "VerifyClientCertIfGiven", "client_ca_file": str(authority.cert)}
    exporter = start(tls=tls)
    assert "postgres_up 1" in exporter.metrics()
    (tmp_path / "elsewhere").mkdir()
    stranger = Authority(tmp_path / "elsewhere").issue("client")
    with pytest.raises(httpx.TransportError):
        connect(certificate=stranger).get(f"{exporter.url}/metrics")


def test_only_named_client_certificates_are_admitted(
    start: Start, connect: Callable[..., httpx.Client], authority: Authority
) -> None:
    names = ["prometheus.example.com", "2001:db8::1", "spiffe://example.com/prometheus"]
    tls = requiring_certificates(authority) | {"client_allowed_sans": names}
    ours = authority.issue("ours", "DNS:a.example.com,IP:2001:db8:0:0:0:0:0:1")
    exporter = start(connect(certificate=ours), tls=tls)
    assert exporter.get("/healthz").is_success
    for admitted in ("DNS:prometheus.example.com", "URI:spiffe://example.com/prometheus"):
        client = connect(certificate=authority.issue("client", admitted))
        assert client.get(f"{exporter.url}/healthz").is_success
    for name in ("DNS:x.prometheus.example.com", "email:prometheus.example.com", "IP:192.0.2.1"):
        refused = connect(certificate=authority.issue("client", name))
        if name.startswith("email"):
            assert refused.get(f"{exporter.url}/healthz").is_success  # as exporter-toolkit does
            continue
        with pytest.raises(httpx.TransportError):
            refused.get(f"{exporter.url}/healthz")
    assert exporter.refused("tls") == 2


def test_versions_and_cipher_suites_can_be_limited(
    start: Start, connect: Callable[..., httpx.Client], authority: Authority
) -> None:
    suite = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
    exporter = start(tls={"max_version": "TLS12", "cipher_suites": [suite]})

    def context(**limits: Any) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(authority.cert))
        for name, value in limits.items():
            setattr(context, name, value)
        return context

    with (
        socket.create_connection((LOOPBACK, exporter.port)) as plain,
        context().wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        assert secured.cipher() == ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLSv1.2", 256)
    other = context()
    other.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    for refused in (context(minimum_version=ssl.TLSVersion.TLSv1_3), other):
        with pytest.raises(httpx.ConnectError, match="SSL"):
            connect(verify=refused).get(exporter.url)


def test_headers_can_be_added_and_replaced(start: Start) -> None:
    headers = {"Strict-Transport-Security": "max-age=31536000", "X-Frame-Options": "deny"}
    exporter = start(http_server_config={"headers": headers})
    answer = exporter.get("/healthz")
    assert answer.headers.items() >= {(name.lower(), value) for name, value in headers.items()}
    text = exporter.config.read_text()
    exporter.config.write_text(text.replace("X-Frame-Options", "Content-Security-Policy"))
    assert reload(exporter).is_success
    missing = exporter.client.get(f"{exporter.url}/no")
    assert missing.headers.get_list("Content-Security-Policy") == ["deny"]
    assert "X-Frame-Options" not in missing.headers


def test_half_open_handshakes_keep_nobody_away(start: Start) -> None:
    exporter = start(max_connections=64)
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    with connected(exporter.port, 400) as clients:
        for client in clients:
            client.send(hello)
        exporter.client.close()
        with httpx.Client(verify=False) as other:
            assert other.get(f"{exporter.url}/metrics", timeout=5).is_success
        files = len(list(Path(f"/proc/{exporter.process.pid}/fd").iterdir()))
        assert files < 64 + 40


def test_certificate_and_users_are_renewed_at_a_reload(
    start: Start, authority: Authority, pair: Pair
) -> None:
    exporter = start(**LOGIN)
    assert exporter.certificate() == pair.cert.read_text()
    first, other = Pair(*pair), authority.issue("other")

    pair.key.write_bytes(other.key.read_bytes())
    answer = reload(exporter)
    assert answer.status_code == 422
    for output in (answer.text, exporter.process.output()):
        assert f"{pair.cert} and {pair.key} cannot be used: the key does not match" in output
    assert exporter.certificate() == first.cert.read_text()
    assert "migration_exporter_config_reload_success 0" in exporter.metrics()

    pair.replace_with(other)
    os.kill(exporter.process.pid, signal.SIGHUP)
    exporter.process.wait_until(
        lambda: exporter.certificate() == other.cert.read_text(), 60, "shows the new certificate"
    )

    text = exporter.config.read_text()
    exporter.config.write_text(text.replace(f"{USER}:", "grafana:"))
    assert reload(exporter).text == "no target changed\n"
    assert reload(exporter).status_code == 401
    exporter.client.auth = ("grafana", PASSWORD)
    exporter.config.write_text(exporter.config.read_text().replace("tls_server_config", "tls"))
    assert "web.tls: unknown key" in reload(exporter).text
    renamed = text.replace("cert_file", "min_version: TLS13\n    cert_file")
    exporter.config.write_text(renamed)
    assert reload(exporter).text == "no target changed; restart to change web.tls_server_config\n"


@dataclass(frozen=True)
class AsDocumented(Scraping):
    """Scrapes as docs/web.md says, with other addresses and files."""

    replacing: Mapping[str, str] = field(default_factory=dict)

    def config(self) -> dict[str, Any]:
        [_, text] = documented_blocks()
        for old, new in self.replacing.items():
            assert old in text
            text = text.replace(old, new)
        documented: dict[str, Any] = yaml.safe_load(text)
        return super().config() | documented


def documented_blocks() -> list[str]:
    """The exporter's configuration and Prometheus's."""
    page = (Path(__file__).parents[2] / "docs/web.md").read_text()
    return re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)


def test_the_documented_configuration_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(documented_blocks()[0])
    web = load_settings(file, dsn="host=db").web
    assert [*web.basic_auth_users] == [USER]
    assert web.tls_server_config.key_file == tmp_path / "tls/exporter.key"


def test_prometheus_scrapes_as_documented(
    workspace: Workspace, start: Start, authority: Authority, tmp_path: Path
) -> None:
    exporter = start(**LOGIN)
    password_file = tmp_path / "password"
    password_file.write_text(PASSWORD)
    scraping = AsDocumented(
        {},
        replacing={
            "exporter.example.com:9886": exporter.address,
            "/etc/prometheus/exporter-ca.crt": str(authority.cert),
            "/etc/prometheus/exporter-password": str(password_file),
        },
    )
    with Prometheus(workspace, scraping, "prometheus_of_tls") as prometheus:
        prometheus.process.wait_until(lambda: bool(prometheus.query("postgres_up == 1")), 60, "up")
        [target] = prometheus.targets()
    assert target["scrapeUrl"] == f"{exporter.url}/metrics"


def test_an_idle_client_does_not_hold_up_the_end(start: Start) -> None:
    exporter = start()
    exporter.get("/healthz")  # its connection stays open, as Prometheus's do
    exporter.stop()
    output = exporter.process.output()
    assert output.endswith("INFO stopped\n")
    assert "ERROR" not in output


def test_a_file_that_is_not_there_is_named_at_the_start(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("web: {tls_server_config: {cert_file: no.crt, key_file: no.key}}\n")
    for check in ((), ("--check-config",)):
        ended = run("serve", "--config", str(config), "--dsn", "host=db", *check)
        assert ended.returncode == 2
        expected = f"web.tls_server_config.cert_file: {tmp_path}/no.crt: cannot be read: No such"
        assert expected in ended.stderr


def test_our_own_clients_log_in(start: Start, authority: Authority) -> None:
    exporter = start(**LOGIN)
    trusting = {"SSL_CERT_FILE": str(authority.cert)}
    knowing = trusting | {"PG_MIGRATION_EXPORTER_LOGIN": f"{USER}:{PASSWORD}"}

    watched = run("watch", "--once", "--url", exporter.url, **knowing)
    assert watched.returncode == 0, watched.stderr
    verified = run("verify", "--url", f"{exporter.url}/metrics", **knowing)
    assert verified.returncode == 0, verified.stderr
    for refused, why in ((trusting, "Unauthorized"), ({}, "verify failed")):
        for command in ("watch", "verify"):
            ended = run(command, "--url", exporter.url, **refused)
            assert ended.returncode == 2
            assert why in ended.stderr


def test_our_own_clients_show_a_certificate(
    start: Start, connect: Callable[..., httpx.Client], authority: Authority, tmp_path: Path
) -> None:
    client = authority.issue("client")
    token_file = tmp_path / "token"
    token_file.write_text("correct-horse-battery")
    endpoint = {"token_file": str(token_file)}
    exporter = start(
        connect(certificate=client),
        tls=requiring_certificates(authority),
        reports={"endpoint": endpoint},
    )
    wrapper = tmp_path / "run.yaml"
    wrapper.write_text(yaml.safe_dump({"reports": {"endpoint": endpoint | {"url": exporter.url}}}))
    ours: tuple[tuple[str, ...], ...] = (
        ("watch", "--once", "--url", exporter.url),
        ("verify", "--url", f"{exporter.url}/metrics"),
        ("health", "--port", str(exporter.port)),
        ("run", "--config", str(wrapper), "--", "true"),
    )
    trusting = {"SSL_CERT_FILE": str(authority.cert)}
    shown = {
        "PG_MIGRATION_EXPORTER_CERT_FILE": str(client.cert),
        "PG_MIGRATION_EXPORTER_KEY_FILE": str(client.key),
    }
    for command, exit_code in zip(ours[1:3], (2, 1), strict=True):
        refused = run(*command, **trusting)
        assert (refused.returncode, len(refused.stderr.splitlines())) == (exit_code, 1), command
    for command in ours:
        done = run(*command, **trusting, **shown)
        assert (done.returncode, done.stderr) == (0, ""), command
    assert len(list((exporter.folder / "reports").iterdir())) == 1


def test_health_is_told_whatever_the_exporter_asks_for(start: Start) -> None:
    """Without a login, and without trust in the certificate."""
    exporter = start(**LOGIN)
    healthy = run("health", "--port", str(exporter.port))
    assert (healthy.returncode, healthy.stderr) == (0, "")
    assert healthy.stdout == f"{exporter.address} answers 401\n"
    exporter.stop()
    gone = run("health", "--port", str(exporter.port))
    assert (gone.returncode, gone.stdout) == (1, "")
    assert gone.stderr.startswith(f"no answer from {exporter.address}: ")
    assert len(gone.stderr.splitlines()) == 1
