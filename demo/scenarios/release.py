"""Releases: changesets that faults add to the changelog, and a gate that keeps one running."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.world import MIGRATOR, World
from testbed.errors import StackError
from testbed.process import Process
from testbed.waiting import wait_until

#: A statement that ends when the gate opens; each iteration sees what is committed by then.
WAIT_AT_GATE = """
DO $$ BEGIN
  WHILE EXISTS (SELECT FROM gameplay.gate) LOOP PERFORM pg_sleep(0.1); END LOOP;
END $$
"""
_FAILURE = "Migration failed for changeset"
_AT_GATE = (
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'liquibase'"
    " AND query LIKE '%gameplay.gate%' AND state = 'active'"
)


def write_release(world: World, name: str, sql: str, rollback: str = "empty") -> Path:
    """Add a changeset with one statement to the changelog; return its file."""
    header = f"--liquibase formatted sql\n--changeset release:{name} splitStatements:false\n"
    path = world.liquibase.search_path / f"changes/extra/040-{name}.sql"
    path.write_text(f"{header}{sql.strip()}\n--rollback {rollback}\n")
    return path


def apply(world: World) -> None:
    """Run an update to its end; raises StackError if it fails."""
    done = world.liquibase.run("update")
    if done.returncode:
        raise StackError(f"the release cannot be applied:\n{done.stderr}")


def fail(world: World, name: str) -> Process:
    """Start an update and await that Liquibase says that it failed: its JVM may go on for long."""
    process = world.liquibase.start("update", log=world.workspace.log(name))
    wait_until(lambda: _FAILURE in process.output(), 60, "the release fails", explain=process.tail)
    return process


@contextmanager
def closed_gate(world: World) -> Iterator[None]:
    """Keep releases at the gate while the body runs; it opens at the end."""
    migrator = world.database.as_user(MIGRATOR)
    migrator.execute("CREATE TABLE IF NOT EXISTS gameplay.gate (id int)")
    migrator.execute("INSERT INTO gameplay.gate VALUES (1)")
    try:
        yield
    finally:
        migrator.execute("DELETE FROM gameplay.gate")


@contextmanager
def running_release(world: World, name: str, sql: str = "") -> Iterator[Process]:
    """Run a release that does `sql` and then waits at the gate until the body ends."""
    with closed_gate(world):
        write_release(world, name, f"{sql}{WAIT_AT_GATE}")
        run = world.liquibase.start("update", log=world.workspace.log(name))
        wait_until(
            lambda: world.database.execute(_AT_GATE), 60, "it is at the gate", explain=run.tail
        )
        yield run
    run.wait(60)
