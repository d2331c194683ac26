"""Cache of parsed files and of whole results, valid while no file has changed."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from threading import Lock

from .result import Changelog
from .search_path import Stamp, stamp_of
from .statements import ChangelogFile

#: Real path of a file, and the format and encoding that it is read in.
FileKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class CachedChangelog:
    """A result, and the stamps of everything that it depends on."""

    changelog: Changelog
    stamps: dict[str, Stamp]
    files: frozenset[FileKey]


@dataclass(frozen=True, slots=True)
class _CachedFile:
    stamp: Stamp
    file: ChangelogFile


@dataclass(slots=True)
class ChangelogCache:
    """Results and the parsed files behind them, for a process that reads changelogs repeatedly.

    A result is reused without opening a file while everything that it depends on has the same
    modification time, size and inode; otherwise only what changed is parsed again. The cache holds
    what the latest result of each request needs. Threads that share it must hold `lock`.
    """

    lock: Lock = field(default_factory=Lock)
    _results: dict[Hashable, CachedChangelog] = field(default_factory=dict)
    _files: dict[FileKey, _CachedFile] = field(default_factory=dict)

    def get(self, request: Hashable) -> Changelog | None:
        """Return the result of an earlier request if no file has changed since."""
        cached = self._results.get(request)
        if cached is None or any(stamp_of(path) != stamp for path, stamp in cached.stamps.items()):
            return None
        return cached.changelog

    def store(self, request: Hashable, result: CachedChangelog) -> None:
        """Store a result, and drop the files that no result needs any more."""
        self._results[request] = result
        needed = frozenset[FileKey]().union(*(cached.files for cached in self._results.values()))
        self._files = {key: file for key, file in self._files.items() if key in needed}

    def get_file(self, key: FileKey, stamp: Stamp) -> ChangelogFile | None:
        """Return the parsed file if the file has not changed since."""
        cached = self._files.get(key)
        return cached.file if cached is not None and cached.stamp == stamp else None

    def store_file(self, key: FileKey, stamp: Stamp, file: ChangelogFile) -> None:
        """Store a parsed file; the next `store` drops it unless a result needs it."""
        self._files[key] = _CachedFile(stamp, file)
