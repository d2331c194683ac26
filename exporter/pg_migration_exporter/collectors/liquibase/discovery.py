"""Which changelogs a database has, and what is remembered of each."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.config.schema import LiquibaseSection
from pg_migration_exporter.liquibase.history import tables as sql
from pg_migration_exporter.liquibase.history.tables import ChangelogTables, read_tables
from pg_migration_exporter.liquibase.reports.received import ReceivedReports
from pg_migration_exporter.liquibase.state.expected import ChangelogFiles, files_for
from pg_migration_exporter.liquibase.state.memory import ChangelogMemory, Counters
from pg_migration_exporter.liquibase.state.observer import ChangelogSnapshot, TrackedChangelog
from pg_migration_exporter.postgres.rows import Rows

#: One changelog: its name, what is remembered of it, what was seen at one look.
Seen = tuple[str, TrackedChangelog | None, ChangelogSnapshot]


@dataclass(slots=True)
class Discovery:
    """The tables found, and what is remembered of each changelog; durable."""

    settings: LiquibaseSection
    reports: ReceivedReports
    #: Tables under other names than the default ones, by the last look at all tables.
    elsewhere: Rows | None = None
    looked_everywhere_at: float = -float("inf")
    #: Whether all tables have been looked at before, also by an earlier process.
    has_looked: bool = False
    subjects: dict[str, TrackedChangelog] = field(default_factory=dict)
    #: The latest look, for the status page, and when it was (time.monotonic).
    seen: list[Seen] = field(default_factory=list)
    seen_at: float = 0.0
    _restored: dict[str, ChangelogMemory] = field(default_factory=dict)

    def see(self, found: list[ChangelogTables], datname: str) -> list[TrackedChangelog]:
        """The changelogs with these tables, and what is known of each."""
        locks = [tables.lock.oid for tables in found if tables.lock is not None]
        subjects = []
        for tables in found:
            subject = self._subject(tables, datname, only_one=len(found) == 1)
            subject.shares_lock = tables.lock is not None and locks.count(tables.lock.oid) > 1
            subjects.append(subject)
        self.has_looked = True
        return subjects

    def _subject(
        self, tables: ChangelogTables, datname: str, *, only_one: bool
    ) -> TrackedChangelog:
        known = self.subjects.get(tables.name)
        if known is not None:
            known.tables = tables
            return known
        memory = self._restored.pop(tables.name, None) or self._new_memory(tables)
        section = files_for(self.settings.changelogs, datname, tables.name, only_one=only_one)
        files = ChangelogFiles(section) if section else None
        subject = self.subjects[tables.name] = TrackedChangelog(tables, memory, files=files)
        return subject

    def _new_memory(self, tables: ChangelogTables) -> ChangelogMemory:
        """A changelog that was not there before starts from zero: the run that made it counts."""
        if not self.has_looked:
            return ChangelogMemory()
        if any(one.tables.lock == tables.lock for one in self.subjects.values()):
            return ChangelogMemory(is_new=True, last_order=0)
        return ChangelogMemory(counters=Counters(), last_order=0)

    def handle_command(self, command: str) -> None:
        """Take the failure of the changelog named `command` as known (watch.store.Obedient)."""
        if command in self.subjects:
            self.subjects[command].memory.acknowledge(time.time())

    def dump(self) -> dict[str, Any]:
        """What a restart must not forget (watch.store.Durable)."""
        memories = self._restored | {name: one.memory for name, one in self.subjects.items()}
        changelogs = {name: memory.dump() for name, memory in memories.items()}
        return {"has_looked": self.has_looked, "changelogs": changelogs}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `dump` returned."""
        self._restored = {
            name: ChangelogMemory.load(one) for name, one in state["changelogs"].items()
        }
        self.has_looked = bool(state["has_looked"])


async def discover(context: RunContext[Any], discovery: Discovery) -> list[ChangelogTables]:
    """Find the tables: by their default names every time, by their columns once in a while."""
    interval = context.settings.liquibase.discovery_interval
    now = time.monotonic()
    if discovery.elsewhere is None or now - discovery.looked_everywhere_at >= interval:
        discovery.elsewhere = await context.query(sql.DISCOVER_BY_COLUMNS)
        discovery.looked_everywhere_at = now
    by_name = await context.query(sql.DISCOVER_BY_NAME)
    return read_tables(discovery.elsewhere, by_name)
