"""Sessions that stay in their transaction, or hold a lock that others want."""

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
    """A session of the application `name` has run the statement, and stays in its transaction."""
    with world.database.connect(application_name=name) as session:
        session.execute("BEGIN")
        session.execute(statement)
        yield
        session.execute("COMMIT")


@contextmanager
def working(name: str, statement: bytes, world: World) -> Iterator[None]:
    """A session of the application `name` works on one statement until the body ends."""
    with world.database.connect(application_name=name) as session:
        session.pgconn.send_query(statement)
        yield
        session.cancel_safe()
        while session.pgconn.get_result():
            """The statement ends now: its error, then none."""


@contextmanager
def _prepared(world: World) -> Iterator[None]:
    """The transaction manager that prepared it never comes back."""
    with world.database.connect() as session:
        session.execute("BEGIN")
        session.execute("CREATE TABLE half_done ()")
        session.execute("PREPARE TRANSACTION 'forgotten'")
    yield
    world.database.execute("ROLLBACK PREPARED 'forgotten'")


@contextmanager
def _deadlock(world: World) -> Iterator[None]:
    """Two players change the same two rows, each beginning with the other's last."""
    update = b"UPDATE player_quest SET steps = steps WHERE player_id = 1 AND quest = %s"
    with world.database.connect() as one, world.database.connect() as other:
        for session, quest in ((one, "Quest 1"), (other, "Quest 2")):
            session.execute("BEGIN")
            session.execute(update, [quest])
        one.pgconn.send_query(update.replace(b"%s", b"'Quest 2'"))
        with suppress(psycopg.errors.DeadlockDetected):
            other.execute(update, ["Quest 1"])
        while one.pgconn.get_result():
            """It goes on, or it was the victim."""
    yield


@contextmanager
def _snapshot_held(world: World) -> Iterator[None]:
    """A session reads a table row by row, while many transactions write."""
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
    "report runs and runs",
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
    "somebody locks a table",
    frozenset({"PostgresLockQueueLong", "PostgresLockWaitLong"}),
    partial(_transaction, "maintenance", "LOCK TABLE player_quest"),
    WAITING_USERS | {"PostgresIdleInTransaction", "PostgresTransactionLong"},
)
