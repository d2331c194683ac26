"""`read_changelog`: one question about one changelog, one answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from . import expressions, formats
from .cache import CachedChangelog, ChangelogCache, FileKey
from .model import (
    Changelog,
    ExpectedChangeset,
    Finding,
    RefusalError,
    StopError,
    error,
    refusal,
    warning,
)
from .reading import FileReading, Query
from .resolve import Resolver
from .rules import ASSUMED, NEWEST, Rules, Version, parse_version
from .scope import FileScope, LoadedChangeSet
from .select import Selector
from .sources import Located, Sources
from .statements import ChangelogFile


@dataclass(frozen=True, slots=True)
class _Question:
    """Everything that an answer depends on beside the files."""

    file: str
    search_path: tuple[Path, ...]
    contexts: str | None
    labels: str | None
    properties: tuple[tuple[str, str], ...]
    version: str | None
    encoding: str

    def query(self, version: Version) -> Query:
        """Return the question as the parts of the reader take it, for one version of Liquibase."""
        rules = Rules.of(version)
        # Liquibase takes backslashes out, which shells sometimes leave in.
        contexts = expressions.items((self.contexts or "").replace("\\", ""), rules)
        labels = expressions.items((self.labels or "").replace("\\", ""))
        return Query(contexts, labels, rules, self.properties, self.encoding)


def read_changelog(  # noqa: PLR0913 - each is an option of Liquibase
    file: str,
    search_path: Sequence[Path],
    *,
    contexts: str | None = None,
    labels: str | None = None,
    properties: Mapping[str, str] | None = None,
    version: str | None = None,
    encoding: str = "utf-8",
    cache: ChangelogCache | None = None,
) -> Changelog:
    """Return the changesets that Liquibase would expect in the history, or why nobody can tell.

    `file` is relative to `search_path`, as for Liquibase. `contexts` is the list of `--contexts`,
    `labels` the expression of `--label-filter`, `properties` what `-D` and the environment set for
    Liquibase, `version` its version (4.28 is assumed without it), `encoding` its `--file-encoding`.
    Never raises, whatever the files hold; see `Changelog.complete`.
    """
    given = tuple(sorted((properties or {}).items()))
    question = _Question(file, tuple(search_path), contexts, labels, given, version, encoding)
    cache = cache or ChangelogCache()
    with cache.lock:
        known = cache.answer(question)
        if known is None:
            answer = _answer(question, cache)
            cache.keep(question, answer)
            known = answer.changelog
    return known


def locate(file: str, search_path: Sequence[Path]) -> Finding | None:
    """Return what keeps the changelog `file` from being read at all, None if nothing does."""
    try:
        _root(Sources(search_path), file)
    except RefusalError as problem:
        return problem.finding
    return None


def _root(sources: Sources, file: str) -> tuple[Located, str]:
    sources.check()
    located, kind = sources.find(file), formats.kind_of(file)
    if located is None:
        raise refusal(
            f"The changelog {file} does not exist.",
            "Name it relative to the search path, and let the exporter read it.",
        )
    if kind is None:
        raise refusal(
            f"{file} is no changelog by its name.", "Name it .xml, .yaml, .yml, .json or .sql."
        )
    return located, kind


class _Parser:
    """Parses files, those that the cache does not know."""

    def __init__(self, sources: Sources, cache: ChangelogCache, encoding: str) -> None:
        self._sources = sources
        self._cache = cache
        self._encoding = encoding
        self.files: set[FileKey] = set()

    def __call__(self, located: Located, kind: str) -> ChangelogFile:
        key = located.real, kind, self._encoding
        self.files.add(key)
        file = self._cache.file(key, located.stamp)
        if file is None:
            file = formats.parse(kind, self._sources.read(located), self._encoding)
            self._cache.keep_file(key, located.stamp, file)
        return file


def _answer(question: _Question, cache: ChangelogCache) -> CachedChangelog:
    sources = Sources(question.search_path)
    parser = _Parser(sources, cache, question.encoding)
    given = parse_version(question.version or "")
    reading = FileReading(question.query(given or ASSUMED), sources, parser)
    expected: list[ExpectedChangeset] = []
    try:
        _check(question, reading, given)
        selector = Selector(reading)
        selected = _selected(question.file, reading, selector)
        expected = [selector.expected(changeset) for changeset in selected]
        if question.version is None:
            newest = FileReading(question.query(NEWEST), sources, parser)
            others = _selected(question.file, newest, Selector(newest))
            _compare(reading, selected, others)
    except StopError as problem:
        reading.findings.append(problem.finding)
    except RefusalError as problem:
        reading.report(problem.finding, question.file)
    except Exception as problem:  # noqa: BLE001 - the promise is an answer for any input
        summary = f"The reader failed: {type(problem).__name__}."
        reading.findings.append(error(summary, "Report it, with the changelog that shows it."))
    changelog = Changelog(question.file, tuple(expected), tuple(reading.findings))
    if not changelog.complete:
        changelog = replace(changelog, changesets=())
    return CachedChangelog(changelog, sources.stamps, frozenset(parser.files))


def _check(question: _Question, reading: FileReading, given: Version | None) -> None:
    if not formats.is_encoding(question.encoding):
        raise refusal(f"The encoding {question.encoding!r} is not known.", "Correct it.")
    if question.version is not None and given is None:
        summary = f"{question.version!r} is no version; 4.28 is assumed."
        advice = "Give the version of Liquibase as numbers, for example 4.28.0."
        reading.report(warning(summary, advice), question.file)


def _selected(file: str, reading: FileReading, selector: Selector) -> list[LoadedChangeSet]:
    located, kind = _root(reading.sources, file)
    root = FileScope(file, located.real)
    Resolver(reading).load(root, located, kind)
    return list(selector.select(root.changesets))


def _compare(
    reading: FileReading, assumed: list[LoadedChangeSet], newest: list[LoadedChangeSet]
) -> None:
    """Warn where the answer depends on a version of Liquibase that was not given."""
    for mine, other in zip_longest(assumed, newest):
        if mine is None or other is None or mine.identity != other.identity:
            where = mine or other
            summary = "Other versions of Liquibase than 4.28 expect other changesets from here on."
            finding = warning(summary, "Give the version of Liquibase that runs.")
            reading.report(finding, where.scope.name, where.statement.line)
            return
