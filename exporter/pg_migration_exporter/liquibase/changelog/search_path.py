"""The files of a search path, found as Liquibase finds them and never outside its roots.

The stamp of everything that is checked is recorded, so that a result stays valid until one changes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import java, paths
from .findings import RefusalError, refusal

#: Modification time in nanoseconds, size, inode; None if the path does not exist.
Stamp = tuple[int, int, int] | None

#: Larger files are refused: changelogs are written by people.
MAX_FILE_SIZE = 16 << 20
#: Maximum number of files and directories that one includeAll may visit.
MAX_ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class LocatedFile:
    """A file inside the search path: its real path, and its stamp when it was found."""

    real: str
    stamp: Stamp


def stamp_of(path: str) -> Stamp:
    """Return what distinguishes one version of a file or directory from another."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a thousand files a second, no objects
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


class SearchPath:
    """The roots of one search path; by default the working directory, as for Liquibase."""

    def __init__(self, search_path: Sequence[Path]) -> None:
        absolute = (os.path.normpath(Path.cwd() / root) for root in search_path or (Path(),))
        self._roots = tuple(dict.fromkeys(absolute))
        self._real_roots = tuple(os.path.realpath(root) for root in self._roots if "\0" not in root)
        self.stamps: dict[str, Stamp] = {}

    def check(self) -> None:
        """Raise RefusalError for a root that is not a directory."""
        for root in self._roots:
            if not _is_directory(root):
                raise refusal(
                    f"The search path {root} is not a directory.",
                    "Correct it, and let the exporter read it.",
                )

    def find(self, path: str) -> LocatedFile | None:
        """Return the file that `path` names below one of the roots, None if it does not exist.

        Raises RefusalError for a name outside the roots, and for one that exists in two roots.
        """
        name = paths.lookup(path)
        if name.split("/", 1)[0] == ".." or "\0" in name:
            raise _outside(path)
        found = [
            located for root in self._roots if (located := self._locate(f"{root}/{name}", path))
        ]
        if len(found) > 1:
            raise refusal(
                f"{path} is in the search path more than once.",
                "Keep one of the files: Liquibase refuses to choose.",
            )
        return found[0] if found else None

    def _locate(self, candidate: str, path: str) -> LocatedFile | None:
        stamp = self.stamps[candidate] = stamp_of(candidate)
        if stamp is None:
            return None
        real = os.path.realpath(candidate)
        if not self._contains(real):
            raise _outside(path)
        return LocatedFile(real, stamp)

    def _contains(self, real: str) -> bool:
        return any(_is_below(real, root) for root in self._real_roots)

    def read(self, located: LocatedFile) -> bytes:
        """Return the bytes of a regular file of at most 16 MiB. Raises RefusalError."""
        # O_NONBLOCK: opening a pipe without a writer would block forever.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(located.real, flags)
            try:
                return _read(descriptor)
            finally:
                os.close(descriptor)
        except OSError as problem:
            raise refusal(
                f"The file cannot be read: {problem.strerror}.", "Let the exporter read it."
            ) from None

    def search(self, path: str, depths: range, suffix: str) -> list[str]:
        """Return the files below the directory `path` of every root, as names in the search path.

        `depths` counts a file directly in `path` as 1. Sorted as Liquibase sorts: by UTF-16 code
        units, with upper case first. Raises RefusalError.
        """
        start = path.removeprefix("/")
        if start.startswith("/") or "\0" in start:
            raise _outside(path)
        names: dict[str, str] = {}
        for root in self._roots:
            base = os.path.normpath(f"{root}/{start}")
            if not _is_below(base, root):
                raise _outside(path)
            for file in self._walk(base, depths):
                name = os.path.relpath(file, root)
                if name.lower().endswith(suffix.lower()):
                    names.setdefault(name.replace("WEB-INF/classes/", ""), name)
        return [names[key] for key in sorted(names, key=java.utf_16_order)]

    def _walk(self, base: str, depths: range) -> Iterator[str]:
        """Yield the regular files below `base`, links followed while they stay inside the roots."""
        visited = 0
        waiting = [(base, 1, frozenset[str]())]
        while waiting:
            directory, depth, above = waiting.pop()
            above |= {self._enter(directory, above)}
            for entry in self._entries(directory):
                visited += 1
                if visited > MAX_ENTRIES:
                    raise refusal(f"{base} has too many files to include.", "Include less.")
                if entry.is_dir():
                    if depth + 1 < depths.stop:
                        waiting.append((entry.path, depth + 1, above))
                elif entry.is_file() and depth in depths:
                    yield _decodable(entry.path)

    def _enter(self, directory: str, above: frozenset[str]) -> str:
        real = os.path.realpath(directory)
        if not self._contains(real):
            raise _outside(directory)
        if real in above:
            raise refusal(
                f"{directory} is a link to a directory that contains it.", "Remove the link."
            )
        return real

    def _entries(self, directory: str) -> list[os.DirEntry[str]]:
        stamp = self.stamps[directory] = stamp_of(directory)
        if stamp is None or not _is_directory(directory):
            return []
        try:
            with os.scandir(directory) as entries:
                return list(entries)
        except OSError as problem:
            raise refusal(
                f"The directory {directory} cannot be read: {problem.strerror}.",
                "Let the exporter read it.",
            ) from None


def _read(descriptor: int) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise refusal("This is not a regular file.", "Name a file.")
    if status.st_size > MAX_FILE_SIZE:
        raise refusal("The file is larger than 16 MiB.", "Split it.")
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        return file.read(MAX_FILE_SIZE)


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116 - Path.is_dir raises EACCES
    except (OSError, ValueError):
        return False


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root.rstrip('/')}/")


def _decodable(path: str) -> str:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise refusal(f"The file name {path!r} is not UTF-8.", "Rename it.") from None
    return path


def _outside(path: str) -> RefusalError:
    return refusal(
        f"{path} is outside the search path, where the reader does not go.",
        "Move the file into the search path, or add its directory to it.",
    )
