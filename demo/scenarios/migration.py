"""A release whose second changeset fails."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from demo.scenarios.fault import Fault
from demo.stack.errors import StackError
from demo.stack.programs import ROOT
from demo.world import MIGRATOR, World

RELEASE = ROOT / "demo/changelog/t/fail_sql.sql"


@contextmanager
def _changeset_fails(world: World) -> Iterator[None]:
    """The first changeset is applied, the second inserts into a table that is missing."""
    shutil.copy(RELEASE, world.liquibase.search_path / "changes/extra/030-release.sql")
    failed = world.liquibase.run("update")
    if "Migration failed for changeset" not in failed.stderr:
        raise StackError(f"the release was expected to fail:\n{failed.stderr}")
    yield
    world.database.as_user(MIGRATOR).execute("CREATE TABLE gameplay.nope (id int)")
    repeated = world.liquibase.run("update")
    if repeated.returncode:
        raise StackError(f"the mended release fails:\n{repeated.stderr}")


CHANGESET_FAILS = Fault(
    "a changeset fails", frozenset({"DatabaseMigrationFailed"}), _changeset_fails
)
