"""The configured changelog files of a history, read again when they change."""

from __future__ import annotations

import asyncio
import operator
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from pg_migration_exporter.config.schema import ChangelogSection
from pg_migration_exporter.liquibase.changelog import Changelog, ChangelogCache, read_changelog
from pg_migration_exporter.liquibase.history.history import History
from pg_migration_exporter.liquibase.state.comparison import combine, compare_changesets
from pg_migration_exporter.liquibase.state.evidence import ChangelogComparison
from pg_migration_exporter.liquibase.state.seen_contents import SeenContents

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
    """The files of one history, read outside of the event loop: one root changelog or several."""

    sections: Sequence[ChangelogSection]
    _cache: ChangelogCache = field(default_factory=ChangelogCache)
    _roots: tuple[Changelog, ...] = ()
    _changelog: Changelog | None = None
    _read_at: float = 0.0
    _unchanged_at: float = 0.0
    #: When their present content was put there, in seconds since the epoch: 0 where it was there
    #: when they were first read.
    changed_at: float = 0.0
    _last: _LastComparison | None = None

    async def compare(
        self, history: History, contents: SeenContents, *, fresh: bool = False
    ) -> ChangelogComparison:
        """Compare the files with the history; `fresh` rereads the files at once."""
        if fresh:
            self._read_at = 0.0
        changelog = await self._read()
        if self._last is None or not self._last.is_about(changelog, history):
            result = compare_changesets(changelog, history.contents.recorded, contents)
            self._last = _LastComparison(changelog, history.version, result)
        return self._last.result

    def accept_edited(self, contents: SeenContents) -> None:
        """Take edited changesets as they are for those that ran: an update saw no edit."""
        if self._last is not None and self._last.result.edited:
            contents.accept(self._last.result.edited)
            self._last = None

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
        roots = tuple(self._read_root(section) for section in self.sections)
        if self._changelog is not None and all(map(operator.is_, roots, self._roots)):
            return self._changelog
        self._roots = roots
        return combine(roots)

    def _read_root(self, section: ChangelogSection) -> Changelog:
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


def files_for(
    sections: Sequence[ChangelogSection], datname: str, table: str, *, only_one: bool
) -> list[ChangelogSection]:
    """Return the configured changelogs whose history is `table` (schema.table) of the database.

    A changelog without a table belongs to the default table, or to the only one. Several root
    changelogs may share a history.
    """
    is_default = table.rpartition(".")[2].casefold() == _DEFAULT_TABLE
    return [
        section
        for section in sections
        if section.database in (None, datname)
        and (section.table == table or (section.table is None and (only_one or is_default)))
    ]
