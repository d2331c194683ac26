"""A user's SQL statement as a collector, with the same isolation as every other.

Its result is checked every time, since a table may change.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, Generic, TypeVar

import psycopg

from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.config.user_statement import UserStatement
from pg_migration_exporter.errors import UnfitAnswerError
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.capabilities import Requirement, server_role, server_version
from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows
from pg_migration_exporter.postgres.session import SessionLostError

Answer = TypeVar("Answer")

#: Seconds until a failed statement runs again; twice as many after each further failure.
_RETRY_AFTER = 15.0
#: Further failures do not extend the pause; the interval limits it anyway.
_MOST_FAILURES = 16


@dataclass(slots=True)
class UserSqlMemory(Generic[Answer]):
    """The latest answer or failure, the failures in a row, and when the statement runs again.

    `due` is a time of `clock`; `more` counts the rows of the answer beyond the limit.
    """

    due: float = -inf
    failures: int = 0
    answer: Answer | None = None
    more: int = 0
    failure: Exception | None = None
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Reader(Generic[Answer]):
    """How rows become samples: `read` raises UnfitAnswerError, `publish` fills the families."""

    families: tuple[Family, ...]
    read: Callable[[Rows], Answer]
    publish: Callable[[RunContext[Any], Answer], None]


def user_collector(
    section: UserStatement,
    reader: Reader[Answer],
    *,
    name: str,
    help_: str,
    source: str,
) -> Collector[UserSqlMemory[Answer]]:
    """Return the collector of one statement."""

    async def collect(context: RunContext[UserSqlMemory[Answer]]) -> None:
        reader.publish(context, await latest(section, context, reader.read))
        context.bounds.leave_out("custom_rows", context.memory.more)

    return Collector(
        name=name,
        help=help_,
        sources=(source,),
        families=reader.families,
        queries=(Query(section.sql),),
        cost="moderate",
        databases=section.databases,
        last=True,
        requires=requirements(section),
        collect=collect,
        memory=lambda _: UserSqlMemory[Answer](),
    )


def requirements(section: UserStatement) -> tuple[Requirement, ...]:
    """Return what the server must fulfill for the statement to run there."""
    required = []
    if section.only_on != "both":
        required.append(server_role(section.only_on))
    if section.minimum_version is not None:
        required.append(server_version(section.minimum_version * 10000))
    return tuple(required)


async def latest(
    section: UserStatement,
    context: RunContext[UserSqlMemory[Answer]],
    read: Callable[[Rows], Answer],
) -> Answer:
    """Run the statement if due: an answer lasts for the interval, a failure at most as long."""
    memory = context.memory
    if memory.clock() >= memory.due:
        await _run(section, context, read)
    if memory.failure is not None:
        raise memory.failure.with_traceback(None)  # it would grow with every scrape
    assert memory.answer is not None
    return memory.answer


async def _run(
    section: UserStatement,
    context: RunContext[UserSqlMemory[Answer]],
    read: Callable[[Rows], Answer],
) -> None:
    memory = context.memory
    now, interval = memory.clock(), section.interval or 0.0
    # This stays if the deadline of the scrape comes first.
    memory.answer = None
    memory.failure = UnfitAnswerError("it was not answered by the deadline of the scrape")
    memory.due = now + min(interval, _RETRY_AFTER * 2**memory.failures)
    memory.failures = min(memory.failures + 1, _MOST_FAILURES)
    try:
        limit = context.bounds.limit("custom_rows")
        rows = await context.session.query_untrusted(section.sql, section.timeout, limit)
        memory.answer, memory.more = read(rows), rows.more
    except SessionLostError:
        memory.due = -inf
        raise
    except (psycopg.Error, UnfitAnswerError) as error:
        memory.failure = error
    else:
        memory.due, memory.failures, memory.failure = now + interval, 0, None
