"""`read_changelog`: from a changelog file and the options of Liquibase to a `Changelog`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from . import expressions, formats
from .cache import CachedChangelog, ChangelogCache, FileKey
from .file_scope import FileScope
from .findings import Finding, RefusalError, StopError, error, refusal, warning
from .loaded_changeset import LoadedChangeSet
from .loader import ChangelogLoader
from .read_pass import ReadOptions, ReadPass
from .result import Changelog, ExpectedChangeset
from .search_path import LocatedFile, SearchPath, stamp_of
from .selector import ChangeSetSelector
from .statements import ChangelogFile
from .version_rules import ASSUMED, NEWEST, Version, VersionRules, parse_version


@dataclass(frozen=True, slots=True)
class _Request:
    """Everything apart from the files that a result depends on."""

    file: str
    search_path: tuple[Path, ...]
    contexts: str | None
    labels: str | None
    properties: tuple[tuple[str, str], ...]
    version: str | None
    encoding: str

    def options(self, version: Version) -> ReadOptions:
        """Return the parsed options under the rules of one version of Liquibase."""
        rules = VersionRules.of(version)
        # Liquibase removes backslashes, which shells sometimes leave in.
        contexts = expressions.items((self.contexts or "").replace("\\", ""), rules)
        labels = expressions.items((self.labels or "").replace("\\", ""))
        return ReadOptions(contexts, labels, rules, self.properties, self.encoding)


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
    """Return the changesets that Liquibase would expect in the history, or why they are unknown.

    `file` is relative to `search_path`, as for Liquibase. `contexts` is the list of `--contexts`,
    `labels` the expression of `--label-filter`, `properties` what `-D` and the environment set for
    Liquibase, `version` its version (4.28 is assumed without it), `encoding` its `--file-encoding`.
    Never raises, whatever the files hold; see `Changelog.complete`.
    """
    given = tuple(sorted((properties or {}).items()))
    request = _Request(file, tuple(search_path), contexts, labels, given, version, encoding)
    cache = cache or ChangelogCache()
    with cache.lock:
        changelog = cache.get(request)
        if changelog is None:
            result = _read(request, cache)
            cache.store(request, result)
            changelog = result.changelog
    return changelog


def locate(file: str, search_path: Sequence[Path]) -> Finding | None:
    """Return what prevents the changelog `file` from being read at all, None if nothing does."""
    try:
        _find_root(SearchPath(search_path), file)
    except RefusalError as problem:
        return problem.finding
    return None


def _find_root(search_path: SearchPath, file: str) -> tuple[LocatedFile, str]:
    search_path.check()
    located, file_format = search_path.find(file), formats.format_of(file)
    if located is None:
        raise refusal(
            f"The changelog {file} does not exist.",
            "Name it relative to the search path, and let the exporter read it.",
        )
    if file_format is None:
        raise refusal(
            f"{file} does not have the name of a changelog.",
            "Name it .xml, .yaml, .yml, .json or .sql.",
        )
    return located, file_format


class _Parser:
    """Parses the files that the cache does not have, and records all that were needed."""

    def __init__(self, search_path: SearchPath, cache: ChangelogCache, encoding: str) -> None:
        self._search_path = search_path
        self._cache = cache
        self._encoding = encoding
        self.files: set[FileKey] = set()

    def __call__(self, located: LocatedFile, file_format: str) -> ChangelogFile:
        key = located.real, file_format, self._encoding
        self.files.add(key)
        file = self._cache.get_file(key, located.stamp)
        if file is None:
            file = formats.parse(file_format, self._search_path.read(located), self._encoding)
            self._cache.store_file(key, located.stamp, file)
        return file


def _read(request: _Request, cache: ChangelogCache) -> CachedChangelog:
    search_path = SearchPath(request.search_path)
    parser = _Parser(search_path, cache, request.encoding)
    given = parse_version(request.version or "")
    read_pass = ReadPass(request.options(given or ASSUMED), search_path, parser)
    expected: list[ExpectedChangeset] = []
    left_out: frozenset[str] = frozenset()
    try:
        _check_request(request, read_pass, given)
        selector = ChangeSetSelector(read_pass)
        selected = _selected(request.file, read_pass, selector)
        expected = [selector.expected(changeset) for changeset in selected]
        left_out = frozenset(selector.left_out)
        if request.version is None:
            newest = ReadPass(request.options(NEWEST), search_path, parser)
            others = _selected(request.file, newest, ChangeSetSelector(newest))
            _compare_versions(read_pass, selected, others)
    except StopError as problem:
        read_pass.findings.append(problem.finding)
    except RefusalError as problem:
        read_pass.report(problem.finding, request.file)
    except Exception as problem:  # noqa: BLE001 - any input must have a result
        summary = f"The reader failed: {type(problem).__name__}."
        read_pass.findings.append(error(summary, "Report it with the changelog that causes it."))
    changelog = Changelog(
        request.file,
        tuple(expected),
        tuple(read_pass.findings),
        left_out,
        modified_at=_modified_at(parser.files),
    )
    if not changelog.complete:
        changelog = replace(changelog, changesets=())
    return CachedChangelog(changelog, search_path.stamps, frozenset(parser.files))


def _modified_at(files: Iterable[FileKey]) -> float:
    stamps = (stamp_of(path) for path, _, _ in files)
    return max((stamp[0] / 1e9 for stamp in stamps if stamp is not None), default=0.0)


def _check_request(request: _Request, read_pass: ReadPass, given: Version | None) -> None:
    if not formats.is_encoding(request.encoding):
        raise refusal(f"The encoding {request.encoding!r} is not known.", "Correct it.")
    if request.version is not None and given is None:
        summary = f"{request.version!r} is not a version; 4.28 is assumed."
        advice = "Give the version of Liquibase as numbers, for example 4.28.0."
        read_pass.report(warning(summary, advice), request.file)


def _selected(file: str, read_pass: ReadPass, selector: ChangeSetSelector) -> list[LoadedChangeSet]:
    located, file_format = _find_root(read_pass.search_path, file)
    root = FileScope(file, located.real)
    ChangelogLoader(read_pass).load(root, located, file_format)
    return list(selector.select(root.changesets))


def _compare_versions(
    read_pass: ReadPass, assumed: list[LoadedChangeSet], newest: list[LoadedChangeSet]
) -> None:
    """Warn if the result depends on the version of Liquibase, which was not given."""
    for expected, other in zip_longest(assumed, newest):
        if expected is None or other is None or expected.identity != other.identity:
            place = expected or other
            summary = "Versions of Liquibase other than 4.28 expect other changesets from here on."
            finding = warning(summary, "Give the version of Liquibase that runs.")
            read_pass.report(finding, place.scope.name, place.statement.line)
            return
