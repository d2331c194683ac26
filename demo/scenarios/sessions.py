"""Faults of sessions that stay in a transaction, or hold a lock that others need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import LiteralString

import psycopg

from demo.scenarios.fault import Fault
from demo.scenarios.migration import WAITING_USERS
from demo.world import World

_MANY_TRANSACTIONS = """
DO $$ BEGIN
  FOR number IN 1 .. 30000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP;
END $$
"""


@contextmanager
def _transaction(name: str, statement: LiteralString, world: World) -> Iterator[None]:
    """Keep a transaction open in which the application `name` has run the statement."""
    with world.database.connect(application_name=name) as session:
        session.execute("BEGIN")
        session.execute(statement)
        yield
        session.execute("COMMIT")


@contextmanager
def working(name: str, statement: bytes, world: World) -> Iterator[None]:
    """Let a session of the application `name` run a statement until the body ends."""
    with world.database.connect(application_name=name) as session:
        session.pgconn.send_query(statement)
        yield
        session.cancel_safe()
        while session.pgconn.get_result():
            """Read the error of the statement."""


@contextmanager
def _prepared(world: World) -> Iterator[None]:
    """Leave a prepared transaction behind."""
    with world.database.connect() as session:
        session.execute("BEGIN")
        session.execute("CREATE TABLE half_done ()")
        session.execute("PREPARE TRANSACTION 'forgotten'")
    yield
    world.database.execute("ROLLBACK PREPARED 'forgotten'")


@contextmanager
def _deadlock(world: World) -> Iterator[None]:
    """Let two players update the same two rows in opposite order."""
    update = b"UPDATE player_quest SET steps = steps WHERE player_id = 1 AND quest = %s"
    with world.database.connect() as first, world.database.connect() as second:
        for session, quest in ((first, "Quest 1"), (second, "Quest 2")):
            session.execute("BEGIN")
            session.execute(update, [quest])
        first.pgconn.send_query(update.replace(b"%s", b"'Quest 2'"))
        with suppress(psycopg.errors.DeadlockDetected):
            second.execute(update, ["Quest 1"])
        while first.pgconn.get_result():
            """Read the result, or the error if this session was the victim."""
    yield


@contextmanager
def _snapshot_held(world: World) -> Iterator[None]:
    """Keep a snapshot open while many transactions write."""
    with _transaction("export", "DECLARE quests CURSOR FOR SELECT FROM player_quest", world):
        world.database.execute(_MANY_TRANSACTIONS, options="-c synchronous_commit=off")
        yield


SESSION_IDLES = Fault(
    "session idles in its transaction",
    frozenset({"PostgresIdleInTransaction"}),
    partial(_transaction, "forgetful-service", "SELECT"),
    frozenset({"PostgresTransactionLong"}),
)
REPORT_RUNS = Fault(
    "report runs for a long time",
    frozenset({"PostgresTransactionLong"}),
    partial(working, "report", b"SELECT pg_sleep(600)"),
)
TRANSACTION_PREPARED = Fault(
    "prepared transaction is forgotten",
    frozenset({"PostgresPreparedTransactionOld"}),
    _prepared,
    frozenset({"PostgresTransactionLong"}),
)
DEADLOCK = Fault("players deadlock", frozenset({"PostgresDeadlocks"}), _deadlock)
SNAPSHOT_HELD = Fault(
    "export holds its snapshot",
    frozenset({"PostgresXminHorizonOld"}),
    _snapshot_held,
    frozenset({"PostgresIdleInTransaction", "PostgresTransactionLong"}),
)
TABLE_LOCKED = Fault(
    "table is locked",
    frozenset({"PostgresLockQueueLong", "PostgresLockWaitLong"}),
    partial(_transaction, "maintenance", "LOCK TABLE player_quest"),
    WAITING_USERS | {"PostgresIdleInTransaction", "PostgresTransactionLong"},
)
