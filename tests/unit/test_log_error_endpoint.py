"""POST /api/v1/log-errors as an HTTP client meets it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from pg_migration_exporter.collectors.liquibase.memory import LiquibaseMemory
from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.fleet import Fleet
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.liquibase.logs.log_error import LOG_ERRORS_PATH, MAX_BYTES
from pg_migration_exporter.web.log_errors import log_error_routes

TOKEN = "0123456789abcdef"
ENTRY = {"time": 5.0, "pid": 7, "severity": "ERROR", "database": "shop", "message": "no"}
Post = Callable[..., httpx.Response]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN)
    endpoint = {"token_file": token_file, "log_errors": True}
    shop = {"name": "shop", "postgres": {"dsn": "host=db2 dbname=shop"}}
    return Settings.model_validate(
        {
            "postgres": {"dsn": "host=db1 dbname=shop"},
            "reports": {"endpoint": endpoint},
            "targets": [shop],
        }
    )


@pytest.fixture
def fleet(settings: Settings) -> Fleet:
    return Fleet(settings)


@pytest.fixture
def post(fleet: Fleet, settings: Settings) -> Post:
    """Post one request; its answer."""
    application = Starlette(routes=log_error_routes(fleet, settings))

    async def send(token: str, options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(application)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://exporter") as client:
            return await client.post(LOG_ERRORS_PATH, headers=headers, **options)

    return lambda token=TOKEN, **options: asyncio.run(send(token, options))


def received(fleet: Fleet, target: str) -> int:
    """How many errors have arrived at a target."""
    [database] = fleet.targets[target].databases()
    memory = database.memory("liquibase")
    assert isinstance(memory, LiquibaseMemory)
    assert memory.log_errors is not None
    return memory.log_errors.received


def test_errors_reach_the_database_of_the_target(post: Post, fleet: Fleet) -> None:
    elsewhere = ENTRY | {"database": "other"}
    assert post(json=[ENTRY, elsewhere, {"severity": "LOG"}]).status_code == 204
    assert (received(fleet, "default"), received(fleet, "shop")) == (1, 0)
    assert post(json=[ENTRY, ENTRY], params={"target": "shop"}).status_code == 204
    assert (received(fleet, "default"), received(fleet, "shop")) == (1, 2)


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"token": "wrong"}, 401),
        ({"params": {"target": "none"}}, 404),
        ({"content": b"{"}, 422),
        ({"content": b" " * (MAX_BYTES + 1)}, 413),
    ],
)
def test_what_is_refused_and_why(
    post: Post, fleet: Fleet, options: dict[str, Any], status: int
) -> None:
    answer = post(**{"json": [ENTRY]} | options if "content" not in options else options)
    assert answer.status_code == status
    assert answer.text
    assert received(fleet, "default") == 0


def test_it_is_off_by_default(fleet: Fleet, settings: Settings) -> None:
    reports = settings.reports
    endpoint = reports.endpoint.model_copy(update={"log_errors": False})
    off = settings.model_copy(update={"reports": reports.model_copy(update={"endpoint": endpoint})})
    assert log_error_routes(fleet, off) == []
    [database] = Fleet(off).targets["default"].databases()
    assert database.memory("liquibase").log_errors is None


def test_it_needs_a_token(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PG_MIGRATION_EXPORTER_TOKEN", raising=False)
    settings = Settings.model_validate({"reports": {"endpoint": {"log_errors": True}}})
    with pytest.raises(ConfigError, match="log_errors needs a token"):
        log_error_routes(fleet, settings)
