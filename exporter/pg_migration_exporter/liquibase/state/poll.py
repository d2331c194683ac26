"""What one read of the tables found: the facts that a memory of a changelog is updated with."""

from __future__ import annotations

from dataclasses import dataclass

from pg_migration_exporter.liquibase.history.counters import RowCounters
from pg_migration_exporter.liquibase.history.rollbacks import Transactions
from pg_migration_exporter.liquibase.history.statements import LockStatements


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll found. `idle`: nothing indicates a run in progress.

    `lock_version` is the xmin of the lock's row, "" without one; `connected` says whether a session
    that could be a run's is connected. With `ignore_empty_runs`, a run that wrote no row of this
    history does not count: it belongs to another changelog that shares the lock.
    """

    counters: RowCounters
    lock_version: str
    idle: bool
    now: float
    connected: bool = True
    statements: LockStatements | None = None
    ignore_empty_runs: bool = False
    locked: bool = False
    #: The lock's row was read so shortly before that only one command can have written it.
    is_sampled: bool = False
    #: The number of rows of the history, and the order of the last one.
    rows: int = 0
    last_order: int = 0
    transactions: Transactions | None = None


@dataclass(frozen=True, slots=True)
class LockSample:
    """The lock's row: whether it is held, the transaction that wrote it, how often it was written.

    The count arrives late from a session that stays connected.
    """

    locked: bool = False
    version: str = ""
    updates: int = 0
