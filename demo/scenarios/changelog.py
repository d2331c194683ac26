"""Faults: changelog files and a history that differ."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.scenarios.fault import Fault
from demo.scenarios.release import apply, write_release
from demo.world import MASTER, World
from testbed.errors import StackError


def _applied(world: World, name: str) -> Path:
    """Apply a release without effect; return its file."""
    path = write_release(world, name, "SELECT 1")
    apply(world)
    return path


@contextmanager
def _replaced(path: Path, text: str) -> Iterator[None]:
    """Replace the text of a file while the body runs."""
    original = path.read_text()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_text(original)


@contextmanager
def _edited(world: World) -> Iterator[None]:
    path = _applied(world, "edited")
    with _replaced(path, path.read_text().replace("SELECT 1", "SELECT 2")):
        yield


@contextmanager
def _file_missing(world: World) -> Iterator[None]:
    path = _applied(world, "missing")
    with _replaced(path, "--liquibase formatted sql\n"):
        yield


@contextmanager
def _unreadable(world: World) -> Iterator[None]:
    with _replaced(world.liquibase.search_path / MASTER, "<databaseChangeLog>"):
        yield


@contextmanager
def _forgotten(world: World) -> Iterator[None]:
    write_release(world, "forgotten", "SELECT 1")
    yield
    apply(world)


@contextmanager
def _rolled_back(world: World) -> Iterator[None]:
    _applied(world, "regretted")
    done = world.liquibase.run("rollback-count", "--count=1")
    if done.returncode:
        raise StackError(f"the release cannot be rolled back:\n{done.stderr}")
    yield
    apply(world)


_PENDING = frozenset({"MigrationPendingLong"})

CHANGESET_EDITED = Fault(
    "applied changeset is edited", frozenset({"MigrationDrifted"}), _edited, _PENDING
)
CHANGESET_MISSING = Fault(
    "file of an applied changeset is emptied",
    frozenset({"MigrationUnexpectedChangesets"}),
    _file_missing,
)
CHANGELOG_UNREADABLE = Fault(
    "changelog is broken",
    frozenset({"MigrationChangelogUnreadable"}),
    _unreadable,
)
RELEASE_FORGOTTEN = Fault("release is forgotten", _PENDING, _forgotten)
ROLLED_BACK = Fault(
    "release is rolled back", frozenset({"MigrationRolledBack"}), _rolled_back, _PENDING
)
