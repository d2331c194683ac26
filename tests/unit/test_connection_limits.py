"""The HTTP server against slow, greedy and many clients, with limits of a moment."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import bcrypt
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pg_migration_exporter.web.bearer_token import read_body
from pg_migration_exporter.web.limits import Limits, client_key, raise_file_limit
from pg_migration_exporter.web.logins import Logins
from testbed.waiting import wait_until
from tests.fixtures.http_server import Serving, serving
from tests.fixtures.raw_http import PATIENCE, connected, request

#: Long enough that only what a test shortens can expire.
LONG = Limits(
    connections=256, reserved=32, head_time=60, body_time=60, idle_time=60, unread_time=60
)
MOMENT = 0.3
BIG = 8 << 20

Serve = Callable[..., Serving]


async def health(_: Request) -> Response:
    return PlainTextResponse("ok")


async def big(_: Request) -> Response:
    return Response(b"x" * BIG)


async def body(request: Request) -> Response:
    content = await read_body(request, 1 << 20)
    return PlainTextResponse(f"{len(content or b'')} bytes")


async def unread_body(_: Request) -> Response:
    return PlainTextResponse("not read")


async def slow(request: Request) -> Response:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return PlainTextResponse("late")


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve with limits: `serve(head_time=0.3)`."""
    with ExitStack() as stack:

        def start(**limits: int) -> Serving:
            routes = [
                Route("/healthz", health),
                Route("/page", health),
                Route("/big", big),
                Route("/body", body, methods=["POST"]),
                Route("/unread", unread_body, methods=["POST"]),
                Route("/slow", slow),
            ]
            return stack.enter_context(serving(Starlette(routes=routes), replace(LONG, **limits)))

        yield start


@contextmanager
def ends_within(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def test_a_client_that_says_nothing_is_disconnected(serve: Serve) -> None:
    server = serve(head_time=MOMENT)
    with connected(server.port) as [client], ends_within(5):
        assert client.read().content == b""


@pytest.mark.parametrize("byte", [b"G", b"\r\n"])
def test_headers_byte_by_byte_have_a_deadline(serve: Serve, byte: bytes) -> None:
    server = serve(head_time=MOMENT)
    with connected(server.port) as [client], ends_within(5):
        started = time.monotonic()
        client.send(byte)
        while client.is_open() and time.monotonic() - started < 5:
            time.sleep(0.01)
            client.send(byte)


def test_a_byte_after_a_response_starts_the_deadline(serve: Serve) -> None:
    server = serve(head_time=MOMENT)
    with connected(server.port) as [client], ends_within(5):
        client.send(request("/healthz"))
        assert client.socket.recv(1000).endswith(b"ok")
        assert client.ask(b"G").statuses == [408]
    assert server.refused() == {"too_slow": 1}


def test_idle_connections_end(serve: Serve) -> None:
    server = serve(idle_time=MOMENT)
    with connected(server.port) as [client], ends_within(5):
        assert client.ask(request("/healthz")).statuses == [200]


def test_a_request_after_the_end_is_not_answered(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """The server has said that it sends no more, and has not closed the connection yet."""
    server = serve(idle_time=MOMENT)
    with connected(server.port) as [client]:
        client.send(request("/healthz"))
        assert client.socket.recv(1000).endswith(b"ok")
        assert client.socket.recv(1000) == b""
        client.send(request("/healthz") + b"rubbish")
        time.sleep(MOMENT)
    assert is_served(server.port) == 200
    assert not caplog.records


def test_an_idle_connection_is_kept_until_then(serve: Serve) -> None:
    server = serve()
    with connected(server.port) as [client]:
        for _ in range(3):
            client.send(request("/healthz"))
            assert client.socket.recv(1000).endswith(b"ok")
        assert client.is_open()


def test_a_slow_body_is_interrupted(serve: Serve) -> None:
    server = serve(body_time=MOMENT)
    with connected(server.port) as [client], ends_within(5):
        answer = client.ask(request("/body", "Content-Length: 10", method="POST") + b"slow")
    assert answer.statuses == [408]
    assert server.refused() == {"too_slow": 1}


def test_a_body_that_nobody_reads_ends_too(serve: Serve) -> None:
    server = serve(body_time=MOMENT)
    with connected(server.port) as [client], ends_within(5):
        answer = client.ask(request("/unread", "Content-Length: 10", method="POST"))
    assert answer.statuses == [200]


def test_rubbish_after_a_response_is_not_answered(serve: Serve) -> None:
    server = serve()
    with connected(server.port) as [client]:
        client.send(request("/unread", "Transfer-Encoding: chunked", method="POST"))
        assert client.socket.recv(1000).endswith(b"not read")
        assert client.ask(b"rubbish\r\n").content == b""


def test_a_long_body_that_nobody_reads_is_dropped(serve: Serve) -> None:
    server = serve()
    with connected(server.port) as [client]:
        length = 20 << 20
        client.send(request("/unread", f"Content-Length: {length}", method="POST"))
        client.send(b"x" * length + request("/healthz", "Connection: close"))
        assert client.read().statuses == [200, 200]


@pytest.mark.parametrize("rest", [b"X: a\r\n\r\n", b"X: " + b"a" * (1 << 20)])
def test_headers_after_the_body_are_refused(serve: Serve, rest: bytes) -> None:
    server = serve()
    head = request("/body", "Transfer-Encoding: chunked", method="POST")
    with connected(server.port) as [client], ends_within(5):
        answer = client.ask(head + b"5\r\nhello\r\n0\r\n" + rest)
    assert answer.statuses in ([400], [431])


def test_chunks_of_one_byte_are_a_body(serve: Serve) -> None:
    server = serve()
    head = request("/body", "Transfer-Encoding: chunked", "Connection: close", method="POST")
    with connected(server.port) as [client]:
        answer = client.ask(head + b"1\r\na\r\n" * 50_000 + b"0\r\n\r\n")
    assert answer.content.endswith(b"50000 bytes")


def test_a_client_that_does_not_read_is_disconnected(serve: Serve) -> None:
    server = serve(unread_time=MOMENT)
    with connected(server.port) as [client], ends_within(5):
        client.send(request("/big"))
        time.sleep(3 * MOMENT)
        assert len(client.read().content) < BIG


def test_unread_responses_have_a_budget(serve: Serve) -> None:
    server = serve(unread_size=2 * BIG)
    with connected(server.port, 6) as clients:
        for client in clients:
            client.send(request("/big"))
        wait_until(lambda: server.refused().get("too_slow", 0) >= 3, PATIENCE, "disconnected")
    assert set(server.refused()) == {"too_slow"}


def is_served(port: int, path: str = "/healthz", source: str = "127.0.0.9") -> int:
    with connected(port, 1, source) as [client]:
        [status] = client.ask(request(path, "Connection: close")).statuses
    return status


def test_silent_clients_make_room(serve: Serve) -> None:
    server = serve(connections=20, reserved=5)
    with connected(server.port, 60) as clients:
        for source in ("127.0.0.1", "127.0.0.9"):
            assert is_served(server.port, "/healthz", source) == 200
        assert sum(client.is_open() for client in clients) <= 20
        assert clients[-1].is_open()
    assert server.refused()["too_many_connections"] >= 40


def test_the_client_with_the_most_connections_makes_room(serve: Serve) -> None:
    server = serve(connections=20, reserved=5)
    with connected(server.port, 1, "127.0.0.9") as [quiet]:
        quiet.send(request("/healthz"))
        assert quiet.socket.recv(1000).endswith(b"ok")
        with connected(server.port, 60):
            assert is_served(server.port) == 200
            quiet.send(request("/healthz"))
            assert quiet.socket.recv(1000).endswith(b"ok")


def test_requests_in_progress_make_room_for_another_client(serve: Serve) -> None:
    server = serve(connections=20, reserved=0)
    with connected(server.port, 20) as clients:
        for client in clients:
            client.send(request("/slow"))
        wait_until(lambda: is_served(server.port) == 200, PATIENCE, "served")
        assert sum(client.is_open() for client in clients) == 19


def test_the_last_connections_are_for_scrapes(serve: Serve) -> None:
    server = serve(connections=20, reserved=15)
    with connected(server.port, 10):
        assert is_served(server.port, "/page") == 503
        assert is_served(server.port, "/healthz") == 200
    wait_until(lambda: is_served(server.port, "/page") == 200, PATIENCE, "room")


@pytest.mark.parametrize("is_allowed", [True, False])
def test_files_and_priority_in_a_sandbox(
    monkeypatch: pytest.MonkeyPatch, *, is_allowed: bool
) -> None:
    """The systemd unit forbids both (SystemCallFilter=~@resources)."""
    calls: list[tuple[Any, ...]] = []

    def call(*arguments: Any) -> None:
        calls.append(arguments)
        if not is_allowed:
            raise PermissionError

    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", call)
    monkeypatch.setattr(os, "setpriority", call)
    assert raise_file_limit() == (4096 if is_allowed else 1024)
    stored = SecretStr(bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode())
    assert asyncio.run(Logins().accept({"user": stored}, "user", b"right"))
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("socket", "socket"),
    ],
)
def test_what_counts_as_one_client(host: str, key: str) -> None:
    assert client_key(host) == key
