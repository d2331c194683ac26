"""POST /api/v1/reports as an HTTP client meets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from pg_migration_exporter.config import Settings
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.liquibase.reports.directory import ReportDirectory
from pg_migration_exporter.liquibase.reports.report import MAX_BYTES, REPORTS_PATH, Outcome
from pg_migration_exporter.web.reports import report_routes
from tests.fixtures.reports import make_report

Post = Callable[..., list[httpx.Response]]

TOKEN = "0123456789abcdef"
AUTHORIZATION = "Authorization"
SHOWN = {AUTHORIZATION: f"Bearer {TOKEN}"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    token_file = tmp_path / "token"
    token_file.write_text(f"{TOKEN}\n")
    return Settings.model_validate(
        {"state_directory": tmp_path / "state", "reports": {"endpoint": {"token_file": token_file}}}
    )


@pytest.fixture
def kept(settings: Settings) -> ReportDirectory:
    return ReportDirectory(settings.report_directories[0])


@pytest.fixture
def post(settings: Settings) -> Post:
    """Post bodies, all at once; the answers."""
    application = Starlette(routes=report_routes(settings))

    async def send(bodies: tuple[Any, ...], headers: dict[str, Any]) -> list[httpx.Response]:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://exporter") as client:
            requests = (client.post(REPORTS_PATH, content=body, headers=headers) for body in bodies)
            return await asyncio.gather(*requests)

    return lambda *bodies, **headers: asyncio.run(send(bodies, headers or SHOWN))


def test_a_report_is_kept(post: Post, kept: ReportDirectory) -> None:
    report = make_report()
    [answer] = post(report.model_dump_json())
    assert (answer.status_code, answer.content) == (204, b"")
    assert kept.read() == [report]


def test_a_report_that_was_overtaken_is_not_kept(post: Post, kept: ReportDirectory) -> None:
    start = make_report(updated=1.0)
    end = start.model_copy(update={"updated": 2.0, "outcome": Outcome.SUCCEEDED})
    for report in (end, start):
        [answer] = post(report.model_dump_json())
        assert answer.status_code == 204
    assert kept.read() == [end]


def test_an_end_replaces_a_sign_of_life_from_the_future(post: Post, kept: ReportDirectory) -> None:
    """The clock of the wrapper's host was corrected during the run."""
    start = make_report(updated=4e9)
    end = start.model_copy(update={"updated": 2.0, "ended": 2.0, "outcome": Outcome.FAILED})
    for report in (start, end):
        [answer] = post(report.model_dump_json())
        assert answer.status_code == 204
    assert kept.read() == [end]


@pytest.mark.parametrize(
    "authorization",
    [None, "", TOKEN, "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"],
)
def test_without_the_token_nothing_is_read(
    post: Post, kept: ReportDirectory, authorization: str | None
) -> None:
    shown = (
        {"X-Nothing": b""}
        if authorization is None
        else {AUTHORIZATION: authorization.encode("latin-1")}
    )
    [answer] = post(make_report().model_dump_json(), **shown)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert not kept.path.exists()


def test_the_token_can_be_rotated(post: Post, settings: Settings) -> None:
    token_file = settings.reports.endpoint.token_file
    assert token_file is not None
    token_file.write_text("another-token-of-now")
    report = make_report().model_dump_json()
    new = {AUTHORIZATION: "bearer another-token-of-now"}
    assert [answer.status_code for answer in post(report)] == [401]
    assert [answer.status_code for answer in post(report, **new)] == [204]
    token_file.unlink()
    assert [answer.status_code for answer in post(report, **new)] == [401]


def test_a_body_that_is_no_report(post: Post, kept: ReportDirectory) -> None:
    [answer] = post('{"format": 1}')
    assert answer.status_code == 422
    assert answer.text.startswith("not a report: run_id: Field required; host: Field required")
    assert not kept.path.exists()


def test_a_body_without_an_end(post: Post) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MAX_BYTES // 1024 + 1):
            yield b" " * 1024

    [answer] = post(endless())
    assert answer.status_code == 413


def test_a_report_that_cannot_be_kept(post: Post, kept: ReportDirectory) -> None:
    kept.path.parent.write_text("a file where the state directory should be")
    [answer] = post(make_report().model_dump_json())
    assert (answer.status_code, answer.text) == (507, "the report cannot be stored\n")


def test_reports_of_one_run_at_once(post: Post, kept: ReportDirectory) -> None:
    start = make_report(updated=0.0)
    reports = [start.model_copy(update={"updated": float(number)}) for number in range(9)]
    answers = post(*(report.model_dump_json() for report in reversed(reports)))
    assert {answer.status_code for answer in answers} == {204}
    assert kept.read() == [reports[-1]]


def test_without_a_token_there_is_no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PG_MIGRATION_EXPORTER_TOKEN", raising=False)
    assert report_routes(Settings()) == []


def test_a_token_needs_a_place_to_keep_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_MIGRATION_EXPORTER_TOKEN", TOKEN)
    with pytest.raises(ConfigError, match="no directory for the reports; set state_directory"):
        report_routes(Settings())


@pytest.mark.parametrize("content", ["", "short", "with a space in it", "tab\tin the middle of it"])
def test_a_token_that_is_none(settings: Settings, content: str) -> None:
    token_file = settings.reports.endpoint.token_file
    assert token_file is not None
    token_file.write_text(content)
    with pytest.raises(ConfigError, match="not a token of 16 or more") as raised:
        report_routes(settings)
    assert not content or content not in str(raised.value)
