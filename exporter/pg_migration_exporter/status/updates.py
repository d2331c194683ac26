"""The status for a terminal, again and again: from a running exporter, or from the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http.client import HTTPException
from typing import NamedTuple
from urllib.parse import quote

from pydantic import ValidationError

from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.fleet import Fleet
from pg_migration_exporter.errors import UserError
from pg_migration_exporter.http_client import open_url
from pg_migration_exporter.status.cache import REFRESH_INTERVAL, StatusCache
from pg_migration_exporter.status.judgement import Judge
from pg_migration_exporter.status.judgement.blindness import NO_ANSWER
from pg_migration_exporter.status.model import STATUS_PATH, Status, VerdictReason

_TIMEOUT_SECONDS = 15.0
_MAX_BYTES = 64 << 20


class Update(NamedTuple):
    """A status; `problem` is why it is not a new one."""

    status: Status
    problem: str | None = None


#: Opens a stream of updates.
OpenUpdates = Callable[[], AbstractAsyncContextManager[AsyncIterator[Update]]]


def from_exporter(url: str, name: str | None) -> OpenUpdates:
    """Return the updates of the exporter at an http or https URL."""
    address = url.rstrip("/")
    if not address.endswith(STATUS_PATH):
        address += STATUS_PATH
    return lambda: _open_exporter(address + (f"?target={quote(name)}" if name else ""))


def from_database(settings: Settings, name: str | None) -> OpenUpdates:
    """Return the updates of the database, over connections of their own; nothing is stored."""
    return lambda: _open_database(settings.model_copy(update={"state_directory": None}), name)


@asynccontextmanager
async def _open_exporter(address: str) -> AsyncIterator[AsyncIterator[Update]]:
    yield _poll(address)


async def _poll(address: str) -> AsyncIterator[Update]:
    """Yield an update every REFRESH_INTERVAL; only the first request must succeed."""
    update = Update(await asyncio.to_thread(_fetch, address))
    while True:
        yield update
        await asyncio.sleep(REFRESH_INTERVAL)
        try:
            update = Update(await asyncio.to_thread(_fetch, address))
        except UserError as error:
            update = Update(_held(update.status), f"{error}; the status below is old")


def _held(status: Status) -> Status:
    """Return an old status: without an answer the verdict is hold."""
    reason = VerdictReason(
        name=NO_ANSWER,
        verdict="hold",
        datname="",
        text="The exporter does not answer",
        ago_seconds=None,
    )
    hold = {"verdict": "hold", "reasons": [reason], "databases": {}}
    targets = [
        target.model_copy(update={"verdict": target.verdict.model_copy(update=hold)})
        for target in status.targets
    ]
    return status.model_copy(update={"targets": targets})


def _fetch(address: str) -> Status:
    try:
        with open_url(address, _TIMEOUT_SECONDS) as response:
            return Status.model_validate_json(response.read(_MAX_BYTES))
    except (OSError, HTTPException) as error:
        raise UserError(f"no status from {address}: {getattr(error, 'reason', error)}") from error
    except ValidationError as error:
        raise UserError(
            f"{address}: not the status of an exporter of this version; see that the address is "
            "an exporter's and that both have the same version"
        ) from error


@asynccontextmanager
async def _open_database(
    settings: Settings, name: str | None
) -> AsyncIterator[AsyncIterator[Update]]:
    fleet = Fleet(settings)
    cache = StatusCache(lambda: [*fleet.targets.values()], Judge())
    if name is not None and name not in cache.names():
        known = ", ".join(cache.names())
        raise UserError(f"--target: there is no target {name!r}; the targets are {known}")
    try:
        yield (Update(status) async for status in cache.follow(name))
    finally:
        await fleet.close()
