"""Excludes the exporter's own statements, where the statements of its role are tracked.

An application or an administrator may use the same role, so the mark in the text decides
(`postgres.session.MARK`). Texts are read only when the role has new statements, and not too often;
until then these are not counted, and later with all of their calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.collectors.query_duration import sql
from pg_migration_exporter.collectors.query_duration.read_budget import SECONDS_PER_TEXT, ReadBudget
from pg_migration_exporter.collectors.query_duration.statement_reader import Entry, EntryKey
from pg_migration_exporter.postgres.session import MARK


class OwnStatements:
    """Which statements of the exporter's role are its own; `undecided` are those not read yet."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.undecided: frozenset[EntryKey] = frozenset()
        self._is_own: dict[EntryKey, bool] = {}
        self._budget = ReadBudget(0.0, SECONDS_PER_TEXT, clock)

    async def exclude(
        self, context: RunContext[Any], entries: Sequence[Entry], role: int
    ) -> list[Entry]:
        """Return the entries without the exporter's own; `role` is the OID of its role."""
        keys = {entry.key for entry in entries if entry.userid == role}
        if keys - self._is_own.keys() and self._budget.is_due:
            self._budget.spend(len(entries))
            await self._read(context)
        self._is_own = {key: own for key, own in self._is_own.items() if key in keys}
        self.undecided = frozenset(keys - self._is_own.keys())
        return [entry for entry in entries if not self._is_own.get(entry.key, False)]

    async def _read(self, context: RunContext[Any]) -> None:
        rows = await sql.query_texts(context, sql.OWN_STATEMENTS, MARK)
        for userid, dbid, queryid, toplevel, is_own in rows:
            if is_own is not None:
                self._is_own[userid, dbid, queryid, toplevel] = is_own
