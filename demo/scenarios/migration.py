"""Faults of migrations that fail, wait, block others, take long or die."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from demo.scenarios.fault import Fault
from demo.scenarios.release import (
    WAIT_AT_GATE,
    apply,
    closed_gate,
    fail,
    running_release,
    write_release,
)
from demo.world import MIGRATOR, World
from testbed.errors import StackError
from testbed.programs import ROOT
from testbed.waiting import wait_until

RELEASE = ROOT / "demo/changelog/t/fail_sql.sql"
_TAG = "liquibase_tag_present"
_WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = %s"

#: Alerts of any long migration.
LASTING = frozenset({"MigrationRunningLong", "MigrationPendingLong", "PostgresTransactionLong"})
#: Alerts while users wait for locks.
WAITING_USERS = frozenset(
    {
        "DatabaseQueryLatencyHigh",
        "PostgresQueryLatencyAboveTarget",
        "PostgresQueryLatencyRegressed",
        "PostgresLatencyBudgetBurnFast",
        "PostgresLockQueueLong",
        "PostgresLockWaitLong",
        "PgBouncerClientsWaiting",
        "PgBouncerWaitLong",
    }
)


@contextmanager
def changeset_fails(world: World) -> Iterator[None]:
    """Apply a release whose second changeset inserts into a missing table."""
    shutil.copy(RELEASE, world.liquibase.search_path / "changes/extra/030-release.sql")
    process = fail(world, "release")
    yield
    process.wait(60)
    world.database.as_user(MIGRATOR).execute("CREATE TABLE gameplay.nope (id int)")
    apply(world)


@contextmanager
def _waits(world: World) -> Iterator[None]:
    """Run a release that needs a table that an open transaction has read."""
    migrator = world.database.as_user(MIGRATOR)
    migrator.execute("CREATE TABLE IF NOT EXISTS gameplay.archive (id int)")
    write_release(world, "waits", "ALTER TABLE gameplay.archive ADD COLUMN reason text")
    with world.database.connect(application_name="reports") as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT FROM gameplay.archive")
        run = world.liquibase.start("update", log=world.workspace.log("waits"))
        wait_until(lambda: world.database.execute(_WAITING, [MIGRATOR]), 60, "the release waits")
        yield
        reader.execute("COMMIT")
    run.wait(60)


@contextmanager
def _blocks_traffic(world: World) -> Iterator[None]:
    """Run a release that keeps the lock of a table that players read."""
    alter = "ALTER TABLE gameplay.quest_definitions ADD COLUMN IF NOT EXISTS note text;"
    with running_release(world, "blocks", alter):
        yield


@contextmanager
def _takes_long(world: World) -> Iterator[None]:
    with running_release(world, "long"):
        yield


@contextmanager
def _untagged(world: World) -> Iterator[None]:
    """Run a release without a tag, as after a rollback to it."""
    world.database.execute("UPDATE databasechangelog SET tag = NULL")
    wait_until(lambda: _TAG not in world.exporter.page(), 60, "the exporter sees no tag")
    with closed_gate(world):
        write_release(world, "untagged", WAIT_AT_GATE)
        run = world.liquibase.start("update", log=world.workspace.log("untagged"))
        yield
    run.wait(60)
    if world.liquibase.run("tag", "--tag=before_the_next").returncode:
        raise StackError("the history cannot be tagged")


@contextmanager
def _dies(world: World) -> Iterator[None]:
    """Kill the run and its session, as if its host were lost."""
    with running_release(world, "dies") as run:
        run.kill()
        world.database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'liquibase'"
        )
        yield
    released = world.liquibase.run("release-locks")
    if released.returncode:
        raise StackError(f"the lock cannot be released:\n{released.stderr}")
    apply(world)


CHANGESET_FAILS = Fault(
    "changeset fails", frozenset({"DatabaseMigrationFailed"}), changeset_fails, LASTING
)
MIGRATION_WAITS = Fault(
    "migration waits for a reader",
    frozenset({"MigrationBlocked"}),
    _waits,
    LASTING | {"PostgresIdleInTransaction", "PostgresLockWaitLong"},
)
MIGRATION_BLOCKS_TRAFFIC = Fault(
    "migration blocks players",
    frozenset({"MigrationBlocksTraffic"}),
    _blocks_traffic,
    LASTING | WAITING_USERS,
)
MIGRATION_TAKES_LONG = Fault(
    "migration takes long", frozenset({"MigrationRunningLong"}), _takes_long, LASTING
)
MIGRATION_UNTAGGED = Fault(
    "migration runs without a tag", frozenset({"MigrationUntagged"}), _untagged, LASTING
)
MIGRATION_DIES = Fault(
    "migration's host is lost",
    frozenset({"MigrationLockStale"}),
    _dies,
    LASTING | {"DatabaseMigrationFailed"},
)
