"""Basic authentication as a client meets it, and what is remembered of a login."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Callable, Iterator
from typing import Any

import bcrypt
import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pg_migration_exporter.liquibase.reports.report import REPORTS_PATH
from pg_migration_exporter.metrics.refusals import Refusals
from pg_migration_exporter.web import logins as logins_module
from pg_migration_exporter.web.basic_auth import BasicAuth
from pg_migration_exporter.web.logins import BusyError, Logins

LONG = "x" * 100


def hashed(password: str) -> SecretStr:
    return SecretStr(bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode())


USERS = {"prometheus": hashed("s3cret"), "zoé": hashed("pä:ss"), "long": hashed(LONG)}


def basic(login: str) -> str:
    return f"Basic {base64.b64encode(login.encode()).decode()}"


def ask(authorization: str | None, users: dict[str, SecretStr], path: str = "/") -> httpx.Response:
    page = Route(path, lambda _: PlainTextResponse("the page"))
    login = Middleware(BasicAuth, users=lambda: users, refusals=Refusals())
    app = Starlette(routes=[page], middleware=[login])

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://exporter") as client:
            headers = {"Authorization": authorization} if authorization is not None else {}
            return await client.get(path, headers=headers)

    return asyncio.run(get())


@pytest.mark.parametrize("login", ["prometheus:s3cret", "zoé:pä:ss", f"long:{LONG}"])
def test_a_right_login_is_let_through(login: str) -> None:
    for scheme in ("Basic", "basic"):
        answer = ask(basic(login).replace("Basic", scheme), USERS)
        assert (answer.status_code, answer.text) == (200, "the page")


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !",
        "Basic /w==",
        "Bearer s3cret",
        basic("prometheus"),
        basic("prometheus:"),
        basic("prometheus:wrong"),
        basic("prometheus:s3cret\0"),
        basic("prometheus:pä:ss"),
        basic("nobody:s3cret"),
        basic(":s3cret"),
    ],
)
def test_any_other_is_asked_for_one(authorization: str | None) -> None:
    answer = ask(authorization, USERS)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert answer.text == "a valid user name and password are required\n"


def test_nobody_is_asked_where_there_are_no_users() -> None:
    assert ask(None, {}).status_code == 200


def test_reports_show_a_token_instead() -> None:
    assert ask(None, USERS, REPORTS_PATH).status_code == 200
    assert ask(None, USERS, f"{REPORTS_PATH}/more").status_code == 401


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The hashes that passwords were compared with."""
    seen: list[bytes] = []
    compare = bcrypt.checkpw

    def note(password: bytes, stored: bytes) -> bool:
        seen.append(stored)
        return compare(password, stored)

    monkeypatch.setattr(bcrypt, "checkpw", note)
    return seen


def test_a_right_login_is_checked_once_and_a_wrong_one_each_time(checked: list[bytes]) -> None:
    async def log_in() -> list[bool]:
        logins = Logins()
        attempts = [("prometheus", b"s3cret"), ("prometheus", b"wrong"), ("nobody", b"s3cret")] * 2
        return [await logins.accept(USERS, *login) for login in attempts]

    assert asyncio.run(log_in()) == [True, False, False] * 2
    assert len(checked) == 5


def test_a_new_password_ends_the_old_one() -> None:
    async def log_in() -> list[bool]:
        logins, new = Logins(), {"prometheus": hashed("new")}
        return [
            await logins.accept(users, "prometheus", password)
            for users, password in ((USERS, b"s3cret"), (new, b"s3cret"), (new, b"new"))
        ]

    assert asyncio.run(log_in()) == [True, False, True]


def test_a_removed_user_is_forgotten_though_another_has_the_same_hash() -> None:
    async def log_in() -> list[bool]:
        logins, renamed = Logins(), {"grafana": USERS["prometheus"]}
        return [await logins.accept(to, "prometheus", b"s3cret") for to in (USERS, renamed)]

    assert asyncio.run(log_in()) == [True, False]


def test_an_unknown_user_costs_what_the_dearest_known_one_costs(checked: list[bytes]) -> None:
    dear = SecretStr(bcrypt.hashpw(b"s3cret", bcrypt.gensalt(5)).decode())
    users = {"cheap": hashed("s3cret"), "dear": dear, "other": hashed("s3cret")}
    assert not asyncio.run(Logins().accept(users, "nobody", b"s3cret"))
    assert checked == [dear.get_secret_value().encode()]


def test_one_login_of_each_user_is_remembered(checked: list[bytes]) -> None:
    async def log_in() -> None:
        logins = Logins()
        for ending in (b"", b"1", b"2"):  # bcrypt ignores it
            assert await logins.accept(USERS, "long", LONG.encode() + ending)
        assert len(logins._accepted) == 1

    asyncio.run(log_in())
    assert len(checked) == 1


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stuck]:
    """Checks that do not end before the event, and how many run at once."""
    running, released = Counter(), threading.Event()
    monkeypatch.setattr(bcrypt, "checkpw", running.counting(lambda *_: released.wait(60) and False))
    yield running, released
    released.set()


Stuck = tuple["Counter", threading.Event]


def attempt(logins: Logins, number: int, client: str) -> asyncio.Task[bool]:
    login = ("prometheus", str(number).encode(), client)
    return asyncio.create_task(logins.accept(USERS, *login))


def test_few_logins_of_a_client_wait_and_one_is_verified(stuck: Stuck) -> None:
    running, released = stuck
    most = logins_module._MAX_LOGINS_OF_CLIENT

    async def log_in() -> list[Any]:
        logins = Logins()
        tasks = [attempt(logins, number, "192.0.2.1") for number in range(most + 3)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        released.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(log_in())
    assert answers[:most] == [False] * most
    assert [type(answer) for answer in answers[most:]] == [BusyError] * 3
    assert running.most == 1


def test_a_flood_of_many_clients_is_bounded(stuck: Stuck) -> None:
    running, released = stuck
    most = logins_module._MAX_CLIENTS

    async def log_in() -> list[Any]:
        logins = Logins()
        tasks = [attempt(logins, number, f"192.0.2.{number}") for number in range(most + 3)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        released.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(log_in())
    assert [type(answer) for answer in answers[most:]] == [BusyError] * 3
    assert answers[:most] == [False] * most
    assert running.most <= logins_module._MAX_CHECKS


def test_a_known_login_does_not_wait_behind_unknown_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()

    async def log_in() -> bool:
        logins = Logins()
        assert await logins.accept(USERS, "prometheus", b"s3cret", "192.0.2.9")
        monkeypatch.setattr(bcrypt, "checkpw", lambda *_: released.wait(60) and False)
        flood = [attempt(logins, number, f"192.0.2.{number % 200}") for number in range(400)]
        await asyncio.sleep(0)
        try:
            return await asyncio.wait_for(
                logins.accept(USERS, "prometheus", b"s3cret", "192.0.2.1"), 5
            )
        finally:
            released.set()
            await asyncio.gather(*flood, return_exceptions=True)

    assert asyncio.run(log_in())


def test_a_new_login_waits_for_its_turn_not_for_all_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[bytes] = []

    def note(password: bytes, _: bytes) -> bool:
        seen.append(password)
        return False

    monkeypatch.setattr(bcrypt, "checkpw", note)

    async def log_in() -> None:
        logins = Logins()
        flood = [attempt(logins, number, "192.0.2.1") for number in range(10)]
        await asyncio.sleep(0)
        await asyncio.gather(attempt(logins, 99, "192.0.2.2"), *flood)

    asyncio.run(log_in())
    assert b"99" in seen[:3]


class Counter:
    """How many calls of a function run at once, at most."""

    def __init__(self) -> None:
        self.most = self._now = 0
        self._lock = threading.Lock()

    def counting(self, function: Callable[..., bool]) -> Callable[..., bool]:
        def call(*arguments: object) -> bool:
            with self._lock:
                self._now += 1
                self.most = max(self.most, self._now)
            try:
                return function(*arguments)
            finally:
                with self._lock:
                    self._now -= 1

        return call
