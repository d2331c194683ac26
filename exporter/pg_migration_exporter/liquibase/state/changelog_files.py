"""Compare the configured changelog files with a history: pending, unexpected, drifted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pg_migration_exporter.config.schema import ChangelogSection
from pg_migration_exporter.liquibase.changelog import (
    Changelog,
    ChangelogCache,
    ExpectedChangeset,
    read_changelog,
)
from pg_migration_exporter.liquibase.history.history import History
from pg_migration_exporter.liquibase.state.evidence import ChangelogComparison

#: Seconds for which the files count as unchanged: reading them costs one stat call a file.
_FRESH_FOR = 2.0
_DEFAULT_TABLE = "databasechangelog"


@dataclass(frozen=True, slots=True)
class _LastComparison:
    """The latest comparison, and the changelog and version of the history that it is about."""

    changelog: Changelog
    history_version: int
    result: ChangelogComparison

    def is_about(self, changelog: Changelog, history: History) -> bool:
        return self.changelog is changelog and self.history_version == history.version


@dataclass(slots=True)
class ChangelogFiles:
    """The files of one configured changelog, read outside of the event loop."""

    section: ChangelogSection
    _cache: ChangelogCache = field(default_factory=ChangelogCache)
    _changelog: Changelog | None = None
    _read_at: float = 0.0
    _unchanged_at: float = 0.0
    #: When their present content was put there, in seconds since the epoch: 0 where it was there
    #: when they were first read.
    changed_at: float = 0.0
    _last: _LastComparison | None = None

    async def compare(self, history: History, *, fresh: bool = False) -> ChangelogComparison:
        """Compare the files with the history; `fresh` rereads the files at once."""
        if fresh:
            self._read_at = 0.0
        changelog = await self._read()
        if self._last is None or not self._last.is_about(changelog, history):
            result = compare_changesets(changelog, history.checksums)
            self._last = _LastComparison(changelog, history.version, result)
        return self._last.result

    async def _read(self) -> Changelog:
        now = time.monotonic()
        if self._changelog is None or now - self._read_at > _FRESH_FOR:
            began = time.time()
            changelog = await asyncio.to_thread(self._read_now)
            if self._changelog is not None and changelog is not self._changelog:
                self.changed_at = max(self._unchanged_at, min(changelog.modified_at, began))
            self._changelog, self._read_at, self._unchanged_at = changelog, now, began
        return self._changelog

    def _read_now(self) -> Changelog:
        section = self.section
        return read_changelog(
            section.file,
            section.search_path,
            contexts=section.contexts,
            labels=section.labels,
            properties=section.properties,
            version=section.version,
            encoding=section.encoding,
            cache=self._cache,
        )


def compare_changesets(
    changelog: Changelog, recorded: Mapping[str, str | None]
) -> ChangelogComparison:
    """Compare the expected changesets with the recorded ones (identity to checksum).

    Changesets that a successful run may skip (`failOnError="false"`, `onFail="CONTINUE"`) and those
    that run every time are never pending.
    """
    if not changelog.complete:
        return ChangelogComparison(unreadable=_first_error(changelog))
    names = {changeset.identity: _names(changeset) for changeset in changelog.changesets}
    found = {
        identity: next((name for name in known if name in recorded), None)
        for identity, known in names.items()
    }
    pending, drifted, rerun = list[str](), list[str](), list[str]()
    for changeset in changelog.changesets:
        name = found[changeset.identity]
        is_changed = name is not None and changeset.accepts(recorded[name]) is False
        if changeset.run_always:
            rerun.append(changeset.identity)
        elif name is None:
            if not changeset.may_leave_no_row:
                pending.append(changeset.identity)
        elif is_changed and changeset.run_on_change:
            pending.append(changeset.identity)
            rerun.append(changeset.identity)
        elif is_changed:
            drifted.append(changeset.identity)
    known_names = {name for several in names.values() for name in several}
    unexpected = tuple(name for name in recorded if name not in known_names)
    return ChangelogComparison(
        tuple(pending), unexpected, tuple(drifted), tuple(rerun), frozenset(names)
    )


def _first_error(changelog: Changelog) -> str:
    error = next(finding for finding in changelog.findings if finding.severity == "error")
    where = f" ({error.file}{f':{error.line}' if error.line else ''})" if error.file else ""
    return f"{error.summary.rstrip('.')}{where}"


def _names(changeset: ExpectedChangeset) -> tuple[str, ...]:
    """Return every identity under which the history may record the changeset."""
    others = (f"{path}::{changeset.id}::{changeset.author}" for path in changeset.other_paths)
    return (changeset.identity, *others)


def files_for(
    sections: Sequence[ChangelogSection], datname: str, table: str, *, only_one: bool
) -> ChangelogSection | None:
    """Return the configured changelog whose history is `table` (schema.table) of the database.

    A changelog without a table belongs to the default table, or to the only one.
    """
    for section in sections:
        if section.database not in (None, datname):
            continue
        if section.table == table:
            return section
        is_default = table.rpartition(".")[2].casefold() == _DEFAULT_TABLE
        if section.table is None and (only_one or is_default):
            return section
    return None
