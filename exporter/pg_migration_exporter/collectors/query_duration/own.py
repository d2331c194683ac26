"""Which statements are the exporter's own, where its role's statements are tracked at all.

The role may be shared, with an application or with an administrator: so what counts is the mark in
the text (`postgres.session.MARK`). Texts are read only when the role has new statements, and not
too often; until then these count for nobody, and later with all of their calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.collectors.query_duration import sql
from pg_migration_exporter.collectors.query_duration.read_budget import SECONDS_PER_TEXT, ReadBudget
from pg_migration_exporter.collectors.query_duration.statement_reader import Key, Row
from pg_migration_exporter.postgres.session import MARK


class OwnStatements:
    """What was found out about the statements of the exporter's role."""

    def __init__(self) -> None:
        self.undecided: frozenset[Key] = frozenset()
        self._is_own: dict[Key, bool] = {}
        self._reading = ReadBudget(0.0, SECONDS_PER_TEXT)

    async def leave_out(
        self, context: RunContext[Any], entries: Sequence[Row], role: int
    ) -> list[Row]:
        """The entries without the exporter's own."""
        keys = {entry.key for entry in entries if entry.userid == role}
        if keys - self._is_own.keys() and self._reading.is_due:
            self._reading.spend(len(entries))
            await self._ask(context)
        self._is_own = {key: own for key, own in self._is_own.items() if key in keys}
        self.undecided = frozenset(keys - self._is_own.keys())
        return [entry for entry in entries if not self._is_own.get(entry.key, False)]

    async def _ask(self, context: RunContext[Any]) -> None:
        for *key, is_own in await sql.ask_with_texts(context, sql.OWN_STATEMENTS, MARK):
            if is_own is not None:
                self._is_own[tuple(key)] = is_own
