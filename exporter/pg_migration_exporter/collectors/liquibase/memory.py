"""The changelogs of one database, and what is remembered about each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from psycopg import errors

from pg_migration_exporter.config.limits import Bounds
from pg_migration_exporter.config.schema import LiquibaseSection
from pg_migration_exporter.liquibase.history import lineage, rollbacks
from pg_migration_exporter.liquibase.history import tables as sql
from pg_migration_exporter.liquibase.history.history import History
from pg_migration_exporter.liquibase.history.lineage import Continuity, Lineage
from pg_migration_exporter.liquibase.history.pairs import (
    TableRules,
    original_of,
    pair_tables,
    refused_tables,
)
from pg_migration_exporter.liquibase.history.rollbacks import Transactions
from pg_migration_exporter.liquibase.history.tables import ChangelogTables, read_tables
from pg_migration_exporter.liquibase.logs.log_error import LogError
from pg_migration_exporter.liquibase.logs.received import ReceivedErrors
from pg_migration_exporter.liquibase.reports.received import ReceivedReports
from pg_migration_exporter.liquibase.run_query import RunQuery
from pg_migration_exporter.liquibase.state.changelog_files import ChangelogFiles, files_for
from pg_migration_exporter.liquibase.state.decide import decide
from pg_migration_exporter.liquibase.state.evidence import Evidence, TableAccess
from pg_migration_exporter.liquibase.state.memory import ChangelogMemory
from pg_migration_exporter.liquibase.state.rollback_memory import RollbackMemory
from pg_migration_exporter.liquibase.state.stored_memory import dump_memory, load_memory
from pg_migration_exporter.liquibase.state.tracked import ChangelogSnapshot, TrackedChangelog
from pg_migration_exporter.postgres.rows import Rows

log = logging.getLogger(__name__)

_CONSEQUENCES = {
    Continuity.SWITCHED: "another server or role continues this database: row counters of before "
    "do not count",
    Continuity.WENT_BACK: "transactions of this database are gone, as after a backup was restored: "
    "runs are counted from what is there now",
    Continuity.OTHER_DATABASE: "the database was dropped and created again: runs are counted from "
    "its beginning",
    Continuity.OTHER_SERVER: "this is another server than before: runs are counted from what is "
    "there now",
}
#: At most so many histories that no longer exist are reported.
_MAX_DROPPED = 20


@dataclass(slots=True)
class LiquibaseMemory:
    """The changelogs found, by name; durable."""

    settings: LiquibaseSection
    reports: ReceivedReports
    #: None where no errors of the server's log are accepted.
    log_errors: ReceivedErrors | None = None
    #: Every changelog that was ever found.
    tracked: dict[str, TrackedChangelog] = field(default_factory=dict)
    #: The latest poll, for the status page, and its time (time.monotonic).
    snapshots: list[ChangelogSnapshot] = field(default_factory=list)
    polled_at: float = 0.0
    #: Whether all tables were searched before, also by an earlier process.
    has_searched: bool = False
    #: Tables under other names than the default ones, by the latest search.
    _other_tables: Rows | None = None
    #: Why tables that look like Liquibase's are not read, by name.
    refused: Mapping[str, str] = field(default_factory=dict)
    #: Tables that were once refused: their rows are older than the first read.
    _once_refused: set[str] = field(default_factory=set)
    _searched_at: float = -float("inf")
    _restored: dict[str, ChangelogMemory] = field(default_factory=dict)
    #: Whether a history without a lock of its own is a copy of another one, by oid.
    _checked: dict[int, bool] = field(default_factory=dict)
    #: The server and the database at the latest poll, also of an earlier process.
    lineage: Lineage | None = None
    _may_read_system: bool = True
    #: Scrapes and the watcher poll one after the other: what was read first is recorded first.
    polling: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: What was rolled back before the database has a history.
    rollbacks: RollbackMemory = field(default_factory=RollbackMemory)

    async def check_lineage(self, query: RunQuery) -> None:
        """Doubt what is remembered if this is not the server or the past that it is about."""
        current, before = await self._read_lineage(query), self.lineage
        self.lineage = current
        if before is None:
            return
        continuity = current.continuity(before)
        if continuity is Continuity.SAME:
            return
        log.warning("%s", _CONSEQUENCES[continuity])
        self.rollbacks = RollbackMemory()
        self._other_tables = None
        for name, memory in self._memories().items():
            if continuity is Continuity.OTHER_DATABASE:
                memory.start_empty(before.position % 2**32)
                if name in self.tracked:
                    self.tracked[name].history = History(known=memory.known_history())
            else:
                memory.doubt = continuity
        if continuity in (Continuity.OTHER_SERVER, Continuity.WENT_BACK):
            self.has_searched = False

    async def _read_lineage(self, query: RunQuery) -> Lineage:
        if self._may_read_system:
            try:
                return Lineage.read(await query(lineage.READ))
            except errors.InsufficientPrivilege:
                self._may_read_system = False
        return Lineage.read(await query(lineage.READ_WITHOUT_SYSTEM))

    def _memories(self) -> dict[str, ChangelogMemory]:
        current = {name: changelog.memory for name, changelog in self.tracked.items()}
        return self._restored | current

    @property
    def next_xid(self) -> int | None:
        """The transaction that begins next, None before the first poll."""
        return None if self.lineage is None else self.lineage.position % 2**32

    @property
    def recorded(self) -> int:
        """How many changesets are in memory (`history.room`)."""
        return sum(known.history.contents.size for known in self.tracked.values())

    async def find_changelogs(
        self, query: RunQuery, datname: str, bounds: Bounds
    ) -> list[TrackedChangelog]:
        """Find the changelogs: every time by default name, from time to time by columns.

        The oldest tables come first, and those that are configured: nobody can hide them.
        """
        now = time.monotonic()
        is_due = now - self._searched_at >= self.settings.discovery_interval
        if self._other_tables is None or is_due:
            self._other_tables = await query(sql.DISCOVER_BY_COLUMNS)
            self._searched_at = now
        by_name = await query(sql.DISCOVER_BY_NAME)
        tables = read_tables(self._other_tables, by_name)
        rules = TableRules.of(self.settings, datname)
        self._record_refused(refused_tables(tables, rules))
        pairs = pair_tables(tables, rules)
        pairs.sort(key=lambda pair: (pair.name not in rules.histories, pair.history.oid))
        found = await self._without_copies(query, [*bounds.keep("histories", pairs)])
        self._forget({table.name for table in tables} - {pair.name for pair in found})
        return self.track(found, datname)

    def track(self, found: Sequence[ChangelogTables], datname: str) -> list[TrackedChangelog]:
        """Return the changelogs with these tables, with what is remembered about them."""
        found = [replace(tables, is_only=len(found) == 1) for tables in found]
        names = {tables.name for tables in found}
        for name, memory in self._memories().items():
            if memory.doubt is not Continuity.SAME and name not in names:
                memory.start_empty()  # not in this database: who creates it is a run
        locks = [tables.lock.oid for tables in found if tables.lock is not None]
        changelogs = [
            self._changelog(tables, datname, only_one=len(found) == 1) for tables in found
        ]
        for changelog in changelogs:
            lock = changelog.tables.lock
            changelog.shares_lock = lock is not None and locks.count(lock.oid) > 1
        self.has_searched = True
        return changelogs

    async def record_no_changelog(self, query: RunQuery) -> None:
        """Read what the first run that creates a history is compared with."""
        self.rollbacks.record_quiet(
            Transactions.read(await query(rollbacks.READ)), time.time(), connected=True
        )

    def record(self, snapshots: Sequence[ChangelogSnapshot]) -> None:
        """Record the latest poll; search all tables again if one was dropped."""
        evidence = [snapshot.evidence for snapshot in snapshots]
        if any(it.has_lost_lock or it.table_access is TableAccess.DROPPED for it in evidence):
            self._other_tables = None
        found = {snapshot.changelog for snapshot in snapshots}
        dropped = [
            name
            for name in self.tracked | self._restored
            if name not in found and name not in self.refused
        ]
        for name in dropped:
            if name in self.tracked:
                self.tracked[name].history = History()
        for name in dropped[:-_MAX_DROPPED]:
            self.tracked.pop(name, None)
            self._restored.pop(name, None)
        missing = [_missing(name, TableAccess.DROPPED) for name in dropped[-_MAX_DROPPED:]]
        absent = TableAccess.REFUSED if self.refused else TableAccess.ABSENT
        by_name = sorted(snapshots, key=lambda snapshot: snapshot.changelog)
        self.snapshots = [*by_name, *missing] or [_missing("", absent)]
        self.polled_at = time.monotonic()

    async def _without_copies(
        self, query: RunQuery, pairs: list[ChangelogTables]
    ) -> list[ChangelogTables]:
        """Leave out histories without a lock of their own that have another one's rows."""
        configured = {section.table for section in self.settings.changelogs}
        suspects = [
            pair
            for pair in pairs
            if not pair.has_own_lock
            and pair.name not in configured
            and pair.history.oid not in self._checked
        ]
        if suspects and len(pairs) > 1:
            first_rows = {pair.name: await _first_row(query, pair) for pair in pairs}
            for pair in suspects:
                if first_rows[pair.name] is not None:
                    self._checked[pair.history.oid] = (
                        original_of(pair.history, first_rows, pairs) is not None
                    )
        return [pair for pair in pairs if not self._checked.get(pair.history.oid, False)]

    def _record_refused(self, refused: Mapping[str, str]) -> None:
        """Log each table that is not read, once for each reason."""
        for name, why in refused.items():
            if self.refused.get(name) != why:
                log.warning("table %s is not read: it %s", name, why)
        self.refused = refused
        self._once_refused.update(refused)

    def _forget(self, names: set[str]) -> None:
        """Forget tables that exist and are not histories, such as copies."""
        for name in names.difference(self.refused):
            self.tracked.pop(name, None)
            self._restored.pop(name, None)

    def _changelog(
        self, tables: ChangelogTables, datname: str, *, only_one: bool
    ) -> TrackedChangelog:
        known = self.tracked.get(tables.name)
        if known is not None:
            known.tables = tables
            self._know_rollbacks(known.memory)
            return known
        memory = self._restored.pop(tables.name, None) or self._new_memory(tables)
        self._know_rollbacks(memory)
        sections = files_for(self.settings.changelogs, datname, tables.name, only_one=only_one)
        files = ChangelogFiles(sections) if sections else None
        history = History(known=memory.known_history(self.next_xid))
        changelog = TrackedChangelog(tables, memory, history, files)
        self.tracked[tables.name] = changelog
        return changelog

    def _know_rollbacks(self, memory: ChangelogMemory) -> None:
        if memory.rollbacks.before is None and self.rollbacks.before is not None:
            memory.rollbacks, self.rollbacks = self.rollbacks, RollbackMemory()

    def _new_memory(self, tables: ChangelogTables) -> ChangelogMemory:
        """Return zeros for a changelog that is new, so that the run that created it counts."""
        if not self.has_searched or tables.name in self._once_refused:
            return ChangelogMemory()
        lock = tables.lock
        if lock is not None and any(
            changelog.tables.lock == lock for changelog in self.tracked.values()
        ):
            return ChangelogMemory(is_new=True, last_order=0)
        memory = ChangelogMemory()
        memory.start_empty()
        return memory

    def handle_command(self, command: str) -> None:
        """Acknowledge the failure of the changelog named `command` (engine.store)."""
        if command in self.tracked:
            self.tracked[command].memory.acknowledge(time.time())

    def handle_log_errors(self, errors: Sequence[LogError]) -> None:
        """Store errors of the server's log (engine.log_errors)."""
        if self.log_errors is not None:
            self.log_errors.add(errors)

    def dump(self) -> dict[str, Any]:
        """Return what a restart must not lose (engine.store)."""
        changelogs = {name: dump_memory(memory) for name, memory in self._memories().items()}
        copies = [oid for oid, is_copy in self._checked.items() if is_copy]
        return {
            "has_looked": self.has_searched,
            "changelogs": changelogs,
            "copies": copies,
            "refused": sorted(self._once_refused),
            "lineage": self.lineage.dump() if self.lineage is not None else None,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `dump` returned."""
        restored = {name: load_memory(memory) for name, memory in state["changelogs"].items()}
        checked = {int(oid): True for oid in state.get("copies", ())}
        refused = {str(name) for name in state.get("refused", ())}
        self.lineage = Lineage.load(state.get("lineage"))
        self._restored, self._checked, self._once_refused = restored, checked, refused
        self.has_searched = bool(state["has_looked"])


async def _first_row(query: RunQuery, pair: ChangelogTables) -> object:
    """Return the first row of a history, None if it is empty or cannot be read."""
    if not pair.history.readable:
        return None
    try:
        answer = await query(sql.READ_FIRST_ROW, history=pair.history.guarded)
    except psycopg.Error:
        return None
    return answer.rows[0] if answer.rows else None


def _missing(name: str, access: TableAccess) -> ChangelogSnapshot:
    evidence = Evidence(access)
    return ChangelogSnapshot(name, evidence, decide(evidence))
