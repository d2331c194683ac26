"""Which changelogs a database has, and what is remembered of each."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pg_migration_exporter.collectors.base import Scope
from pg_migration_exporter.config.schema import LiquibaseSection
from pg_migration_exporter.liquibase import tables as sql
from pg_migration_exporter.liquibase.files import ChangelogFiles, files_for
from pg_migration_exporter.liquibase.memory import Counters, Memory
from pg_migration_exporter.liquibase.observe import Subject
from pg_migration_exporter.liquibase.reports import Reports
from pg_migration_exporter.liquibase.tables import ChangelogTables, read_tables
from pg_migration_exporter.postgres.session import Rows


@dataclass(slots=True)
class Discovery:
    """The tables found, and what is remembered of each changelog; durable."""

    settings: LiquibaseSection
    reports: Reports
    looked_everywhere_at: float = -float("inf")
    elsewhere: Rows | None = None
    saw_none: bool = False
    subjects: dict[str, Subject] = field(default_factory=dict)
    _restored: dict[str, Memory] = field(default_factory=dict)

    def subject(self, tables: ChangelogTables, datname: str, *, only_one: bool) -> Subject:
        """The changelog with these tables; one that was not there before starts from zero."""
        known = self.subjects.get(tables.name)
        if known is not None:
            known.tables = tables
            return known
        memory = self._restored.pop(tables.name, None)
        if memory is None:
            memory = Memory(counters=Counters() if self.saw_none else None)
            memory.last_order = 0 if self.saw_none else None
        section = files_for(self.settings.changelogs, datname, tables.name, only_one=only_one)
        files = ChangelogFiles(section) if section else None
        subject = Subject(tables, memory, files=files)
        self.subjects[tables.name] = subject
        return subject

    def obey(self, order: str) -> None:
        """Take the failure of the changelog named `order` as known (watch.store.Obedient)."""
        if order in self.subjects:
            self.subjects[order].memory.acknowledge(time.time())

    def dump(self) -> dict[str, Any]:
        """What a restart must not forget (watch.store.Durable)."""
        memories = self._restored | {name: one.memory for name, one in self.subjects.items()}
        changelogs = {name: memory.dump() for name, memory in memories.items()}
        return {"saw_none": self.saw_none, "changelogs": changelogs}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `dump` returned."""
        self._restored = {name: Memory.load(one) for name, one in state["changelogs"].items()}
        self.saw_none = bool(state["saw_none"])


async def discover(scope: Scope, discovery: Discovery) -> list[ChangelogTables]:
    """Find the tables: everywhere once in a while, by their default names every time."""
    interval = scope.settings.liquibase.discovery_interval
    now = time.monotonic()
    if now - discovery.looked_everywhere_at >= interval:
        discovery.elsewhere = await scope.query(sql.DISCOVER_BY_COLUMNS)
        discovery.looked_everywhere_at = now
        return read_tables(discovery.elsewhere)
    by_name = await scope.query(sql.DISCOVER_BY_NAME)
    return read_tables(discovery.elsewhere, by_name) if discovery.elsewhere else []
