"""`read_changelog`: one question about one changelog, one answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import expressions, formats
from .cache import Answer, ChangelogCache, FileKey
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
from .reading import Query, Reading
from .resolve import Resolver
from .rules import ASSUMED, NEWEST, Rules, Version, parse_version
from .scope import Scope
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


def read_changelog(
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
            "Name it relative to the search path, as for Liquibase.",
        )
    if kind is None:
        raise refusal(
            f"{file} is no changelog by its name.", "Name it .xml, .yaml, .yml, .json or .sql."
        )
    return located, kind


def _answer(question: _Question, cache: ChangelogCache) -> Answer:
    sources = Sources(question.search_path)
    files: set[FileKey] = set()

    def parse(located: Located, kind: str) -> ChangelogFile:
        key = located.real, kind, question.encoding
        files.add(key)
        parsed = cache.file(key, located.stamp)
        if parsed is None:
            parsed = formats.parse(kind, sources.read(located), question.encoding)
            cache.keep_file(key, located.stamp, parsed)
        return parsed

    version = parse_version(question.version) if question.version else None
    reading = Reading(question.query(version or ASSUMED), sources, parse)
    changesets = _changesets(question, reading)
    if question.version is None:
        newest = Reading(question.query(NEWEST), sources, parse)
        _compare(reading, question.file, changesets, _changesets(question, newest))
    elif version is None:
        advice = "Give the version of Liquibase as numbers, for example 4.28.0."
        summary = f"{question.version!r} is no version; 4.28 is assumed."
        reading.report(warning(summary, advice), question.file)
    changelog = Changelog(question.file, tuple(changesets), tuple(reading.findings))
    if not changelog.complete:
        changelog = Changelog(question.file, (), changelog.findings)
    return Answer(changelog, sources.stamps, frozenset(files))


def _changesets(question: _Question, reading: Reading) -> list[ExpectedChangeset]:
    """Return the expected changesets; those before a problem, where there is one."""
    try:
        if not formats.is_encoding(question.encoding):
            raise refusal(f"The encoding {question.encoding} is not known.", "Correct it.")
        located, kind = _root(reading.sources, question.file)
        root = Scope(question.file, located.real)
        Resolver(reading).load(root, located, kind)
        return list(Selector(reading).select(root.changesets))
    except StopError as problem:
        reading.findings.append(problem.finding)
    except RefusalError as problem:
        reading.report(problem.finding, question.file)
    except Exception as problem:  # noqa: BLE001 - the promise is an answer for any input
        summary = f"The reader failed: {type(problem).__name__}."
        reading.findings.append(error(summary, "Report it, with the changelog that shows it."))
    return []


def _compare(
    reading: Reading,
    file: str,
    assumed: list[ExpectedChangeset],
    newest: list[ExpectedChangeset],
) -> None:
    """Warn where the answer depends on a version of Liquibase that was not given."""
    if [each.identity for each in assumed] == [each.identity for each in newest]:
        return
    mine = {each.identity for each in newest}
    first = next((each for each in assumed if each.identity not in mine), None)
    summary = "Other versions of Liquibase than 4.28 expect other changesets here."
    finding = warning(summary, "Give the version of Liquibase that runs.", first and first.line)
    reading.report(finding, first.file if first else file)
