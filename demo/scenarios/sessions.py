"""Sessions that stay in their transaction, or hold a lock that others want."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from demo.scenarios.fault import Fault
from demo.scenarios.migration import WAITING_USERS
from demo.world import World


@contextmanager
def _idle(world: World) -> Iterator[None]:
    with world.database.connect(application_name="forgetful-service") as session:
        session.execute("BEGIN")
        session.execute("SELECT")
        yield
        session.execute("COMMIT")


@contextmanager
def _report(world: World) -> Iterator[None]:
    """One statement that works on and on."""
    with world.database.connect(application_name="report") as session:
        session.pgconn.send_query(b"SELECT pg_sleep(600)")
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
def _table_locked(world: World) -> Iterator[None]:
    with world.database.connect(application_name="maintenance") as session:
        session.execute("BEGIN")
        session.execute("LOCK TABLE player_quest")
        yield
        session.execute("COMMIT")


SESSION_IDLES = Fault(
    "session idles in its transaction",
    frozenset({"PostgresIdleInTransaction"}),
    _idle,
    frozenset({"PostgresTransactionLong"}),
)
REPORT_RUNS = Fault("report runs and runs", frozenset({"PostgresTransactionLong"}), _report)
TRANSACTION_PREPARED = Fault(
    "prepared transaction is forgotten",
    frozenset({"PostgresPreparedTransactionOld"}),
    _prepared,
    frozenset({"PostgresTransactionLong"}),
)
TABLE_LOCKED = Fault(
    "somebody locks a table",
    frozenset({"PostgresLockQueueLong", "PostgresLockWaitLong"}),
    _table_locked,
    WAITING_USERS | {"PostgresIdleInTransaction", "PostgresTransactionLong"},
)
