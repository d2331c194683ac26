"""A changelog that is polled, and the result of one poll."""

from __future__ import annotations

from dataclasses import dataclass, field

from pg_migration_exporter.liquibase.history.history import History
from pg_migration_exporter.liquibase.history.tables import ChangelogTables
from pg_migration_exporter.liquibase.state.changelog_files import ChangelogFiles
from pg_migration_exporter.liquibase.state.decide import Decision
from pg_migration_exporter.liquibase.state.evidence import Evidence
from pg_migration_exporter.liquibase.state.memory import ChangelogMemory


@dataclass(slots=True)
class TrackedChangelog:
    """One changelog: its current tables, and everything remembered about it."""

    tables: ChangelogTables
    memory: ChangelogMemory
    history: History = field(default_factory=History)
    files: ChangelogFiles | None = None
    shares_lock: bool = False

    @property
    def name(self) -> str:
        """The value of the label `changelog`: schema.table."""
        return self.tables.name


@dataclass(frozen=True, slots=True)
class ChangelogSnapshot:
    """The result of one poll: evidence, and the state decided from it.

    `changelog` is schema.table, or "" for a database without Liquibase tables.
    """

    changelog: str
    evidence: Evidence
    decision: Decision
