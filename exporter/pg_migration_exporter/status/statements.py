"""The statements that took most time."""

from __future__ import annotations

from pg_migration_exporter.collectors.query_duration import QUERY_DURATIONS
from pg_migration_exporter.collectors.query_duration.statement_memory import StatementMemory
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.status.model import TopStatement


def statements(target: Target) -> list[TopStatement]:
    """Return the statements with their own series, the one with the most time first."""
    found = [
        TopStatement(
            datname=datname,
            usename=usename,
            queryid=str(queryid),
            calls=counters.calls,
            seconds=counters.seconds,
            rows=counters.rows,
            text=memory.texts.get(queryid),
        )
        for memory in _memories(target)
        for (datname, queryid, usename), counters in memory.top.series()
    ]
    return sorted(found, key=lambda statement: statement.seconds, reverse=True)


def _memories(target: Target) -> list[StatementMemory]:
    memories = (database.memory(QUERY_DURATIONS.name) for database in target.databases())
    return [memory for memory in memories if memory is not None]
