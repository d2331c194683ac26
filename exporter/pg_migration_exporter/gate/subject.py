"""Whom the gate asks: a server, over two connections at most, or a running exporter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Protocol

import psycopg

from pg_migration_exporter.collectors.liquibase.liquibase_families import TAG_PRESENT
from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.fleet import Fleet
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.errors import UserError
from pg_migration_exporter.gate.check import BuiltIn
from pg_migration_exporter.gate.evaluate import Answer, Read
from pg_migration_exporter.gate.question import Question
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.persistent_connection import UnreachableError
from pg_migration_exporter.postgres.session import Session
from pg_migration_exporter.status.cache import StatusCache
from pg_migration_exporter.status.judgement import Judge
from pg_migration_exporter.status.model import Status, TargetStatus
from pg_migration_exporter.status.samples import Samples
from pg_migration_exporter.status.updates import Update, from_exporter


class Subject(Protocol):
    """Answers a question, any number of times."""

    name: str

    async def status(self) -> TargetStatus:
        """Return the status, at most two seconds old."""

    async def read(self, question: Question) -> Read:
        """Return the status and the answers to the statements of a question."""


class ServerSubject:
    """A server of the configuration; nothing is stored."""

    def __init__(self, target: Target) -> None:
        self.name = target.name
        self._target = target
        self._cache = StatusCache(lambda: [target], Judge())

    async def status(self) -> TargetStatus:
        """Scrape, unless the latest status is new enough."""
        return (await self._cache.get()).targets[0]

    async def read(self, question: Question) -> Read:
        """Return what the server says now; a statement that fails has no answer."""
        status = await self.status()
        checks = [check for check in question.asked() if check.query is not None]
        answers = await self._ask(question, checks)
        return Read(status, dict(answers), self._tags(), datetime.now(UTC))

    def _tags(self) -> frozenset[str] | None:
        scrape = self._target.last
        if scrape is None or "tags" in scrape.not_shown():
            return None
        rows = Samples([scrape.samples_of(TAG_PRESENT)]).rows(TAG_PRESENT)
        return frozenset(labels["tag"] for labels, _ in rows)

    async def _ask(self, question: Question, checks: Sequence[BuiltIn]) -> list[tuple[str, Answer]]:
        main = self._target.databases()[0]
        known = main.capabilities
        if known is None:
            return [(check.name, "the server does not answer") for check in checks]
        try:
            async with (
                asyncio.timeout(self._target.settings.scrape.timeout),
                main.lent() as session,
            ):
                answers = (_answer(session, known, check, question) for check in checks)
                return [*await asyncio.gather(*answers)]
        except (UnreachableError, TimeoutError) as error:
            why = f"no answer: {error}" if str(error) else "no answer in time"
            return [(check.name, why) for check in checks]


async def _answer(
    session: Session, known: Capabilities, check: BuiltIn, question: Question
) -> tuple[str, Answer]:
    """Run the statement of a check, if this role can and on this server."""
    assert check.query is not None
    if check.requires and not check.requires.is_met(known):
        return check.name, f"the role may not read it: {check.requires.remedy_for(known)}"
    if not check.query.runs_on(known):
        return check.name, f"it is read on a {check.query.on}; this server is a {known.role}"
    sql = check.query.for_version(known.version_num)
    try:
        rows = await session.query(sql, check.parameters(question.profile))
    except psycopg.Error as error:
        return check.name, f"the statement failed: {str(error).strip().partition(chr(10))[0]}"
    return check.name, rows.named()


class ExporterSubject:
    """A target of a running exporter: its status, and no statement of our own."""

    def __init__(self, updates: AsyncIterator[Update], name: str, first: TargetStatus) -> None:
        self.name = name
        self._updates = updates
        self._first: TargetStatus | None = first

    async def status(self) -> TargetStatus:
        """Return the next status; without an answer of the exporter, its verdict is hold."""
        first, self._first = self._first, None
        return first or _target((await anext(self._updates)).status, self.name)

    async def read(self, question: Question) -> Read:  # noqa: ARG002 - it has no statements to run
        """Return the next status."""
        return Read(await self.status(), {}, None, datetime.now(UTC))


@asynccontextmanager
async def open_server(settings: Settings, name: str) -> AsyncIterator[ServerSubject]:
    """Watch the target of this name until the end of the context."""
    fleet = Fleet(settings.model_copy(update={"state_directory": None}))
    try:
        yield ServerSubject(fleet.targets[name])
    finally:
        await fleet.close()


@asynccontextmanager
async def open_exporter(url: str, name: str | None) -> AsyncIterator[ExporterSubject]:
    """Follow a target of the exporter at this URL. Raises UserError if it does not answer."""
    async with from_exporter(url, name)() as updates:
        status = (await anext(updates)).status
        first = _target(status, name)
        yield ExporterSubject(updates, first.name, first)


def _target(status: Status, name: str | None) -> TargetStatus:
    """Return the target of this name; without one, the only target."""
    found = [target for target in status.targets if name in (None, target.name)]
    if len(found) != 1:
        known = ", ".join(target.name for target in status.targets)
        raise UserError(f"--target: name one of the exporter's targets: {known or 'it has none'}")
    return found[0]
