"""What was read before: parsed files, and whole answers, as long as no file has changed."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from threading import Lock

from .model import Changelog
from .sources import Stamp, stamp_of
from .statements import ChangelogFile

#: A file by where it is, the format and the encoding it was read in.
FileKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class CachedChangelog:
    """An answer, and everything that was looked at to find it."""

    changelog: Changelog
    stamps: dict[str, Stamp]
    files: frozenset[FileKey]


@dataclass(slots=True)
class ChangelogCache:
    """Keeps answers, and the files they are made of, for a process that asks again and again.

    An answer is given again without opening a file while everything it came from has the same
    modification time, size and inode; otherwise only what changed is parsed again. It holds what
    the latest answer to each question needs, and may be shared between threads: they take turns.
    """

    lock: Lock = field(default_factory=Lock)
    _answers: dict[Hashable, CachedChangelog] = field(default_factory=dict)
    _files: dict[FileKey, tuple[Stamp, ChangelogFile]] = field(default_factory=dict)

    def answer(self, question: Hashable) -> Changelog | None:
        """Return the answer from before if nothing has changed since."""
        kept = self._answers.get(question)
        if kept is None or any(stamp_of(path) != stamp for path, stamp in kept.stamps.items()):
            return None
        return kept.changelog

    def keep(self, question: Hashable, answer: CachedChangelog) -> None:
        """Keep an answer in the place of the one before, and forget files that none needs now."""
        self._answers[question] = answer
        needed = frozenset[FileKey]().union(*(each.files for each in self._answers.values()))
        self._files = {key: file for key, file in self._files.items() if key in needed}

    def file(self, key: FileKey, stamp: Stamp) -> ChangelogFile | None:
        """Return a file as it was parsed before, if it has not changed."""
        kept = self._files.get(key)
        return kept[1] if kept and kept[0] == stamp else None

    def keep_file(self, key: FileKey, stamp: Stamp, file: ChangelogFile) -> None:
        """Keep a parsed file until `keep` finds that no answer needs it."""
        self._files[key] = stamp, file
