"""A release whose second changeset fails."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from demo.scenarios.fault import Fault
from demo.stack.errors import StackError
from demo.stack.programs import ROOT
from demo.stack.waiting import wait_until
from demo.world import MIGRATOR, World

RELEASE = ROOT / "demo/changelog/t/fail_sql.sql"
_FAILURE = "Migration failed for changeset"


@contextmanager
def _changeset_fails(world: World) -> Iterator[None]:
    """The first changeset is applied, the second inserts into a table that is missing."""
    shutil.copy(RELEASE, world.liquibase.search_path / "changes/extra/030-release.sql")
    # It happened when Liquibase says so; its JVM may take longer to end than the alert to fire.
    process = world.liquibase.start("update", log=world.workspace.log("release"))
    wait_until(lambda: _FAILURE in process.output(), 60, "the release fails", explain=process.tail)
    yield
    process.wait(60)
    world.database.as_user(MIGRATOR).execute("CREATE TABLE gameplay.nope (id int)")
    repeated = world.liquibase.run("update")
    if repeated.returncode:
        raise StackError(f"the mended release fails:\n{repeated.stderr}")


CHANGESET_FAILS = Fault("changeset fails", frozenset({"DatabaseMigrationFailed"}), _changeset_fails)
