"""Faults: index builds that wait for an open transaction, or are canceled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from demo.scenarios.fault import Fault
from demo.scenarios.sessions import working
from demo.world import MIGRATOR, World
from testbed.waiting import wait_until

_BUILDING = "postgres_index_build_duration_seconds"
_SLOW = """
CREATE FUNCTION gameplay.slow(value int) RETURNS int IMMUTABLE LANGUAGE plpgsql
  AS 'BEGIN PERFORM pg_sleep(600); RETURN value; END';
CREATE TABLE gameplay.stalled AS SELECT generate_series(1, 100) AS id
"""
_DROP = "DROP INDEX CONCURRENTLY gameplay.idx_quest_title"


@contextmanager
def _waiting_build(world: World) -> Iterator[psycopg.Connection[Any]]:
    """Let CREATE INDEX CONCURRENTLY wait for a transaction that wrote to the table before it.

    Yields the session of the build; afterwards the transaction ends, and so does the build. Waits
    until the exporter has seen both: it polls every few seconds if nothing is running, and an index
    that is dropped before would count as a failed build.
    """
    ended = _ended_builds(world)
    with world.database.connect() as idle, world.database.as_user(MIGRATOR).connect() as build:
        idle.execute("BEGIN")
        idle.execute("LOCK TABLE gameplay.quest_definitions IN ROW EXCLUSIVE MODE")
        build.pgconn.send_query(
            b"CREATE INDEX CONCURRENTLY idx_quest_title ON gameplay.quest_definitions (title)"
        )
        wait_until(lambda: _BUILDING in world.exporter.page(), 30, "the index build is seen")
        yield build
        idle.execute("COMMIT")
        while build.pgconn.get_result():
            """Read the result of the build."""
    wait_until(lambda: _ended_builds(world) > ended, 30, "its end is seen")


def _ended_builds(world: World) -> float:
    samples = world.exporter.page().get("postgres_index_builds_total", [])
    return sum(sample.value for sample in samples)


@contextmanager
def _build_waits(world: World) -> Iterator[None]:
    with _waiting_build(world):
        yield
    world.database.execute(_DROP)


@contextmanager
def _build_canceled(world: World) -> Iterator[None]:
    """Cancel the build."""
    with _waiting_build(world) as build:
        build.cancel_safe()
    yield
    world.database.execute(_DROP)


@contextmanager
def _build_stalls(world: World) -> Iterator[None]:
    """Build an index on a function that does not return for minutes, as on a disk that hangs."""
    world.database.execute(_SLOW)
    with working("builder", b"CREATE INDEX ON gameplay.stalled (gameplay.slow(id))", world):
        wait_until(lambda: _BUILDING in world.exporter.page(), 30, "the index build is seen")
        yield
    world.database.execute("DROP TABLE gameplay.stalled; DROP FUNCTION gameplay.slow")


INDEX_BUILD_WAITS = Fault(
    "index build waits",
    frozenset({"DatabaseIndexBuildSlow", "IndexBuildBlocked"}),
    _build_waits,
    frozenset({"PostgresIdleInTransaction", "PostgresTransactionLong", "PostgresLockWaitLong"}),
)
INDEX_BUILD_CANCELED = Fault(
    "index build is canceled",
    frozenset({"IndexBuildFailed", "IndexInvalid"}),
    _build_canceled,
)
INDEX_BUILD_STALLS = Fault(
    "index build stands still",
    frozenset({"IndexBuildStalled", "DatabaseIndexBuildSlow"}),
    _build_stalls,
    frozenset({"IndexBuildFailed", "PostgresTransactionLong"}),
)
