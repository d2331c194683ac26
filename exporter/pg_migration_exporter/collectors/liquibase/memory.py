"""The changelogs of one database, and what is remembered about each."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pg_migration_exporter.config.schema import LiquibaseSection
from pg_migration_exporter.liquibase.history import tables as sql
from pg_migration_exporter.liquibase.history.counters import RowCounters
from pg_migration_exporter.liquibase.history.history import History
from pg_migration_exporter.liquibase.history.tables import ChangelogTables, read_tables
from pg_migration_exporter.liquibase.reports.received import ReceivedReports
from pg_migration_exporter.liquibase.run_query import RunQuery
from pg_migration_exporter.liquibase.state.changelog_files import ChangelogFiles, files_for
from pg_migration_exporter.liquibase.state.evidence import TableAccess
from pg_migration_exporter.liquibase.state.memory import ChangelogMemory
from pg_migration_exporter.liquibase.state.tracked import ChangelogSnapshot, TrackedChangelog
from pg_migration_exporter.postgres.rows import Rows


@dataclass(slots=True)
class LiquibaseMemory:
    """The changelogs found, by name; durable."""

    settings: LiquibaseSection
    reports: ReceivedReports
    #: Every changelog that was ever found.
    tracked: dict[str, TrackedChangelog] = field(default_factory=dict)
    #: The latest poll, for the status page, and its time (time.monotonic).
    snapshots: list[ChangelogSnapshot] = field(default_factory=list)
    polled_at: float = 0.0
    #: Whether all tables were searched before, also by an earlier process.
    has_searched: bool = False
    #: Tables under other names than the default ones, by the latest search.
    _other_tables: Rows | None = None
    _searched_at: float = -float("inf")
    _restored: dict[str, ChangelogMemory] = field(default_factory=dict)

    async def find_changelogs(self, query: RunQuery, datname: str) -> list[TrackedChangelog]:
        """Find the changelogs: every time by default name, from time to time by columns."""
        now = time.monotonic()
        is_due = now - self._searched_at >= self.settings.discovery_interval
        if self._other_tables is None or is_due:
            self._other_tables = await query(sql.DISCOVER_BY_COLUMNS)
            self._searched_at = now
        by_name = await query(sql.DISCOVER_BY_NAME)
        return self.track(read_tables(self._other_tables, by_name), datname)

    def track(self, found: Sequence[ChangelogTables], datname: str) -> list[TrackedChangelog]:
        """Return the changelogs with these tables, with what is remembered about them."""
        locks = [tables.lock.oid for tables in found if tables.lock is not None]
        changelogs = [
            self._changelog(tables, datname, only_one=len(found) == 1) for tables in found
        ]
        for changelog in changelogs:
            lock = changelog.tables.lock
            changelog.shares_lock = lock is not None and locks.count(lock.oid) > 1
        self.has_searched = True
        return changelogs

    def record(self, snapshots: Sequence[ChangelogSnapshot]) -> None:
        """Record the latest poll; search all tables again if one was dropped."""
        self.snapshots, self.polled_at = [*snapshots], time.monotonic()
        named = (snapshot for snapshot in snapshots if snapshot.changelog)
        if any(snapshot.evidence.table_access is TableAccess.DROPPED for snapshot in named):
            self._other_tables = None

    def _changelog(
        self, tables: ChangelogTables, datname: str, *, only_one: bool
    ) -> TrackedChangelog:
        known = self.tracked.get(tables.name)
        if known is not None:
            known.tables = tables
            return known
        memory = self._restored.pop(tables.name, None) or self._new_memory(tables)
        sections = files_for(self.settings.changelogs, datname, tables.name, only_one=only_one)
        files = ChangelogFiles(sections) if sections else None
        history = History(known=memory.known_history())
        changelog = TrackedChangelog(tables, memory, history, files)
        self.tracked[tables.name] = changelog
        return changelog

    def _new_memory(self, tables: ChangelogTables) -> ChangelogMemory:
        """Return zeros for a changelog that is new, so that the run that created it counts."""
        if not self.has_searched:
            return ChangelogMemory()
        if any(changelog.tables.lock == tables.lock for changelog in self.tracked.values()):
            return ChangelogMemory(is_new=True, last_order=0)
        return ChangelogMemory(counters=RowCounters(), last_order=0)

    def handle_command(self, command: str) -> None:
        """Acknowledge the failure of the changelog named `command` (engine.store)."""
        if command in self.tracked:
            self.tracked[command].memory.acknowledge(time.time())

    def dump(self) -> dict[str, Any]:
        """Return what a restart must not lose (engine.store)."""
        current = {name: changelog.memory for name, changelog in self.tracked.items()}
        changelogs = {name: memory.dump() for name, memory in (self._restored | current).items()}
        return {"has_looked": self.has_searched, "changelogs": changelogs}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `dump` returned."""
        self._restored = {
            name: ChangelogMemory.load(memory) for name, memory in state["changelogs"].items()
        }
        self.has_searched = bool(state["has_looked"])
