"""Where a terminal gets the status from: an exporter that runs, or the database itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http.client import HTTPException
from urllib.parse import quote

from pydantic import ValidationError

from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.fleet import Fleet
from pg_migration_exporter.errors import UserError
from pg_migration_exporter.http_client import open_url
from pg_migration_exporter.status.cache import INTERVAL, StatusCache
from pg_migration_exporter.status.model import STATUS_PATH, Status

_TIMEOUT = 15.0
_MOST_BYTES = 64 << 20

#: A look after the other: the status, and what keeps a newer one from being had.
Looks = AsyncIterator[tuple[Status, str | None]]
Source = Callable[[], AbstractAsyncContextManager[Looks]]


def exporter(url: str, name: str | None) -> Source:
    """Ask the exporter that runs at an http or https URL."""
    address = url.rstrip("/")
    if not address.endswith(STATUS_PATH):
        address += STATUS_PATH
    return lambda: _asking(address + (f"?target={quote(name)}" if name else ""))


def database(settings: Settings, name: str | None) -> Source:
    """Look at the database over connections of its own; nothing is remembered afterwards."""
    return lambda: _looking(settings.model_copy(update={"state_directory": None}), name)


@asynccontextmanager
async def _asking(address: str) -> AsyncIterator[Looks]:
    yield _answers(address)


async def _answers(address: str) -> Looks:
    """The first question has to be answered; later ones may fail for a while."""
    status, problem = await asyncio.to_thread(_fetch, address), None
    while True:
        yield status, problem
        await asyncio.sleep(INTERVAL)
        try:
            status, problem = await asyncio.to_thread(_fetch, address), None
        except UserError as error:
            problem = f"{error}; what follows is old"


def _fetch(address: str) -> Status:
    try:
        with open_url(address, _TIMEOUT) as answer:
            return Status.model_validate_json(answer.read(_MOST_BYTES))
    except (OSError, HTTPException) as error:
        raise UserError(f"no status from {address}: {getattr(error, 'reason', error)}") from error
    except ValidationError as error:
        raise UserError(f"{address} answers, but not as an exporter of this version") from error


@asynccontextmanager
async def _looking(settings: Settings, name: str | None) -> AsyncIterator[Looks]:
    fleet = Fleet(settings)
    board = StatusCache(lambda: [*fleet.targets.values()])
    if name is not None and name not in board.names():
        raise UserError(f"--target: no target has this name; known are {', '.join(board.names())}")
    try:
        yield ((status, None) async for status in board.follow(name))
    finally:
        await fleet.close()
