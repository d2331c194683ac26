"""Hostile clients of a real exporter, without a login; its database is away."""

from __future__ import annotations

import base64
import os
import resource
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import bcrypt
import httpx
import pytest

from testbed.exporter import Exporter
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.raw_http import PATIENCE, RawClient, connected, request

NOWHERE = {
    "postgres": {"dsn": "host=127.0.0.1 port=1 connect_timeout=1"},
    "watch": {"enabled": False},
}


class LimitedExporter(Exporter):
    """One that may open few files at its start."""

    def command(self) -> Sequence[str | Path]:
        return ["prlimit", "--nofile=256:1024", *super().command()]


class LockedExporter(LimitedExporter):
    """One that requires a login."""

    def get(self, path: str, **params: str) -> httpx.Response:
        login = ("prometheus", "right")
        return httpx.get(self.url + path, params=params, auth=login, timeout=30)


@pytest.fixture(scope="module")
def exporter(workspace: Workspace) -> Iterator[Exporter]:
    with LimitedExporter(workspace, NOWHERE, "attacked") as started:
        yield started


def resident_megabytes(exporter: Exporter) -> float:
    pages = int(Path(f"/proc/{exporter.process.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def is_quick(exporter: Exporter) -> bool:
    """Whether it answers a health check in a new connection, within a second."""
    started = time.monotonic()
    return exporter.get("/healthz").is_success and time.monotonic() - started < 1


@contextmanager
def ends_within(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def test_headers_without_an_end_are_refused_and_cost_no_memory(exporter: Exporter) -> None:
    before = resident_megabytes(exporter)
    for start in (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"GET /", b"GET / HTTP/1.1\r\nX"):
        with connected(exporter.port) as [client]:
            answer = client.ask(start + b"a" * (150 << 20))
        assert answer.statuses in ([431], [400], [])
        assert resident_megabytes(exporter) - before < 20
    assert is_quick(exporter)


def test_many_small_headers_are_refused(exporter: Exporter) -> None:
    with connected(exporter.port) as [client]:
        answer = client.ask(request("/healthz", *["a:"] * 5000))
    assert answer.statuses == [431]
    assert b"nosniff" in answer.content


def test_headers_of_a_usual_proxy_are_accepted(exporter: Exporter) -> None:
    cookies = [f"Cookie: {'c' * 4000}"] * 15
    with connected(exporter.port) as [client]:
        answer = client.ask(request("/healthz", *cookies, "Connection: close"))
    assert answer.statuses == [200]


SMUGGLED = "POST /-/reload HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    "content",
    [
        request("/healthz", "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        request("/healthz", "Content-Length: 5", "Content-Length: 6") + b"hello",
        request("/healthz", "Content-Length: +5") + b"hello",
        request("/healthz", "Content-Length: 5, 5") + b"hello",
        request("/healthz", "Content-Length: 99999999999999999999") + b"hello",
        request("/healthz", "Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
        request("/healthz", "Transfer-Encoding: xchunked") + b"0\r\n\r\n",
        request("/healthz", "Transfer-Encoding : chunked") + b"0\r\n\r\n",
        request("/healthz", "Transfer-Encoding: chunked", method="POST") + b"-1\r\n\r\n",
        request("/healthz", "Transfer-Encoding: chunked", method="POST") + b"f" * 40 + b"\r\n",
        request("/healthz", "X: a\x00b"),
        request("/healthz", "X: a\rb"),
        request("/healthz", " folded: a"),
        request("/healthz", "Host: b"),
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /healthz HTTP/1.1\nHost: a\n\n",
        b"GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"NO /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=lambda content: repr(content[:70]),
)
def test_an_ambiguous_request_is_refused_and_ends_the_connection(
    exporter: Exporter, content: bytes
) -> None:
    with connected(exporter.port) as [client]:
        answer = client.ask(content + SMUGGLED.encode())
    assert answer.statuses == [400]
    assert b"nosniff" in answer.content


def test_a_request_after_the_last_one_is_not_read(exporter: Exporter) -> None:
    with connected(exporter.port) as [client]:
        answer = client.ask(request("/healthz", "Connection: close") + SMUGGLED.encode())
    assert answer.statuses == [200]


def test_pipelined_requests_are_answered_once(exporter: Exporter) -> None:
    with connected(exporter.port) as [client]:
        answer = client.ask(request("/metrics") * 10_000)
    assert answer.statuses == [200]
    assert is_quick(exporter)


def test_an_upgrade_is_not_made(exporter: Exporter) -> None:
    with connected(exporter.port) as [client]:
        answer = client.ask(
            request("/healthz", "Connection: Upgrade", "Upgrade: websocket") + b"\x00" * 100
        )
    assert answer.statuses == [200]


def test_http_1_0_is_answered_and_ends(exporter: Exporter) -> None:
    with connected(exporter.port) as [client]:
        assert client.ask(b"GET /healthz HTTP/1.0\r\n\r\n").statuses == [200]


def test_refused_requests_do_not_fill_the_log(exporter: Exporter) -> None:
    before = len(exporter.process.output())
    for _ in range(200):
        with connected(exporter.port) as [client]:
            assert client.ask(b"nonsense\r\n\r\n").statuses == [400]
    assert len(exporter.process.output()) - before < 1000


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/no", 404), ("DELETE", "/metrics", 405), ("GET", "/-/reload", 405)],
)
def test_refusals_have_the_headers_too(
    exporter: Exporter, method: str, path: str, status: int
) -> None:
    answer = httpx.request(method, exporter.url + path)
    assert answer.status_code == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("origin", ["https://elsewhere.example.com", "null", "http://rebound:9187"])
@pytest.mark.parametrize("host", [None, "rebound:9187"])
def test_a_page_in_a_browser_reloads_nothing(
    exporter: Exporter, origin: str, host: str | None
) -> None:
    """Also not one whose name was made to mean the exporter's address (DNS rebinding)."""
    url, named = f"{exporter.url}/-/reload", {"Host": host} if host else {}
    assert httpx.post(url, headers={"Origin": origin, **named}).status_code == 403
    assert httpx.post(url, headers=named).status_code == 200


def test_a_flood_of_wrong_logins_keeps_nobody_out(workspace: Workspace) -> None:
    stored, renewed = (
        bcrypt.hashpw(password, bcrypt.gensalt(10)).decode() for password in (b"right", b"renewed")
    )
    config = NOWHERE | {"web": {"basic_auth_users": {"prometheus": stored}}}

    def login(password: str) -> str:
        encoded = base64.b64encode(f"prometheus:{password}".encode()).decode()
        return f"Authorization: Basic {encoded}"

    with (
        LockedExporter(workspace, config, "flooded") as exporter,
        connected(exporter.port, 150) as clients,
    ):
        # New passwords, as after a rotation: the one that was right before is forgotten.
        exporter.configure(config | {"web": {"basic_auth_users": {"prometheus": renewed}}})
        os.kill(exporter.process.pid, signal.SIGHUP)
        exporter.process.wait_until(lambda: not exporter.get("/healthz").is_success, 30, "reloaded")
        for number, client in enumerate(clients):
            client.send(request("/metrics", login(f"wrong {number}")))
        for _ in range(2):  # a new login, then a known one
            with connected(exporter.port, 1, "127.0.0.9") as [other], ends_within(2):
                answer = other.ask(request("/healthz", login("renewed"), "Connection: close"))
                assert answer.statuses == [200]


def test_a_client_can_be_limited(workspace: Workspace) -> None:
    config = NOWHERE | {"web": {"rate_limit": {"interval": "1h", "burst": 5}}}
    with Exporter(workspace, config, "limited") as exporter:
        statuses = [httpx.get(f"{exporter.url}/healthz").status_code for _ in range(8)]
        assert statuses.count(429) >= 3
        with connected(exporter.port, 1, "127.0.0.9") as [other]:
            assert other.ask(request("/healthz", "Connection: close")).statuses == [200]


def test_silent_connections_do_not_keep_a_scrape_away(exporter: Exporter) -> None:
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(connected(exporter.port, 450))
            assert is_quick(exporter)
            assert "postgres_up 0" in exporter.metrics()


def test_a_hundred_streams_and_no_more(exporter: Exporter) -> None:
    with connected(exporter.port, 200) as clients:
        barrier = threading.Barrier(2)

        def ask(some: Sequence[RawClient]) -> None:
            barrier.wait()
            for client in some:
                client.send(request("/events"))

        threads = [threading.Thread(target=ask, args=(clients[i::2],)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        firsts = [client.socket.recv(12) for client in clients]
        assert firsts.count(b"HTTP/1.1 200") == 100
        assert firsts.count(b"HTTP/1.1 503") == 100
    # A place is free again as soon as a viewer has gone.
    wait_until(lambda: _streams(exporter), PATIENCE, "a stream")


def _streams(exporter: Exporter) -> bool:
    with httpx.stream("GET", f"{exporter.url}/events") as stream:
        return stream.status_code == 200
