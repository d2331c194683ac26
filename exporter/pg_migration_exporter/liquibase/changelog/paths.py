"""File names as Liquibase writes them: relative to the search path, with `/`."""

from __future__ import annotations

import re

_DRIVE = re.compile(r"[A-Za-z]:")


def normalize(path: str) -> str:
    """Return the name under which Liquibase compares files. DatabaseChangeLog.normalizePath.

    Removes one leading `/`, `classpath:`, a drive letter, `.` and `..`; a `..` without a directory
    before it stays.
    """
    path = path.removeprefix("classpath:").replace("\\", "/")
    if _DRIVE.match(path):
        path = path[2:]
    path = path.removeprefix("/")
    root = "/" if path.startswith("/") else ""
    return root + _collapse(path, keep_parents=not root)


def lookup(path: str) -> str:
    """Return the name that Liquibase opens below each root of the search path."""
    path = path.replace("\\", "/")
    return _collapse(path, keep_parents=not path.startswith("/"))


def sibling(path: str, other: str) -> str:
    """Return `other` as seen from the directory of `path`. AbstractResource.resolveSibling."""
    directory, slash, _ = without_root(path).rpartition("/")
    joined = f"{directory}/{other}" if slash else other
    return normalize(re.sub("/{2,}", "/", without_root(joined)))


def without_root(path: str) -> str:
    """Return `path` with `/` for every backslash and without one leading `/`."""
    return path.replace("\\", "/").removeprefix("/")


def _collapse(path: str, keep_parents: bool) -> str:
    kept: list[str] = []
    for part in path.split("/"):
        if part in {"", "."}:
            continue
        if part != "..":
            kept.append(part)
        elif kept and kept[-1] != "..":
            kept.pop()
        elif keep_parents:
            kept.append(part)
    return "/".join(kept)
