"""How the readers of Liquibase's tables and of the report table run their SQL."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from pg_migration_exporter.postgres.guarded_table import GuardedTable
from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows


class RunQuery(Protocol):
    """Run a query on one database: `RunContext.query` of a collector."""

    def __call__(
        self, query: Query, *parameters: str, **names: str | GuardedTable
    ) -> Coroutine[Any, Any, Rows]:
        """Run `query` with parameters for $1, ..., and tables and other SQL for its placeholders.

        Tables of others are read in a transaction that guards them.
        """
