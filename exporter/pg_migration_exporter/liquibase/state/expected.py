"""The configured changelog files against a history: what is pending, unexpected, changed."""

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
from pg_migration_exporter.liquibase.state.evidence import Expected

#: Seconds for which an answer counts as fresh: asking costs a look at every file.
_FRESH_FOR = 2.0
_DEFAULT_TABLE = "databasechangelog"


@dataclass(slots=True)
class ChangelogFiles:
    """The files of one configured changelog, read outside of the event loop."""

    section: ChangelogSection
    _cache: ChangelogCache = field(default_factory=ChangelogCache)
    _answer: Changelog | None = None
    _read_at: float = 0.0
    _compared: tuple[Changelog, int, Expected] | None = None

    async def expected(self, history: History, *, fresh: bool = False) -> Expected:
        """Compare the files with the history; `fresh` as they are at this very moment."""
        if fresh:
            self._read_at = 0.0
        changelog = await self._read()
        known = self._compared
        if known is None or known[0] is not changelog or known[1] != history.version:
            self._compared = changelog, history.version, compare(changelog, history.checksums)
        assert self._compared is not None
        return self._compared[2]

    async def _read(self) -> Changelog:
        now = time.monotonic()
        if self._answer is None or now - self._read_at > _FRESH_FOR:
            self._answer = await asyncio.to_thread(self._read_now)
            self._read_at = now
        return self._answer

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


def compare(changelog: Changelog, recorded: Mapping[str, str | None]) -> Expected:
    """Hold the expected changesets against the recorded ones (identity to checksum).

    Changesets that may be left out by a good run (`failOnError="false"`, `onFail="CONTINUE"`) and
    those that run every time are never pending.
    """
    if not changelog.complete:
        first = next(one for one in changelog.findings if one.severity == "error")
        where = f" ({first.file}{f':{first.line}' if first.line else ''})" if first.file else ""
        return Expected(unreadable=f"{first.summary.rstrip('.')}{where}")
    names = {one.identity: _names(one) for one in changelog.changesets}
    found = {
        identity: next((name for name in known if name in recorded), None)
        for identity, known in names.items()
    }
    pending = tuple(
        one.identity
        for one in changelog.changesets
        if found[one.identity] is None and not (one.may_leave_no_row or one.run_always)
    )
    drifted = tuple(
        one.identity
        for one in changelog.changesets
        if (name := found[one.identity]) is not None
        and not (one.run_always or one.run_on_change)
        and one.accepts(recorded[name]) is False
    )
    known_names = {name for several in names.values() for name in several}
    unexpected = tuple(name for name in recorded if name not in known_names)
    return Expected(pending, unexpected, drifted)


def _names(changeset: ExpectedChangeset) -> tuple[str, ...]:
    """Every identity under which the history may hold it."""
    others = (f"{path}::{changeset.id}::{changeset.author}" for path in changeset.other_paths)
    return (changeset.identity, *others)


def files_for(
    sections: Sequence[ChangelogSection], datname: str, table: str, *, only_one: bool
) -> ChangelogSection | None:
    """The configured changelog whose history is `table` (schema.table) of the database.

    One that names no table means the default one, or the only one that there is.
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
