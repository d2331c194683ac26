"""The server's clock is stepped, as an administrator or a virtual machine's host does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise

import pytest

from testbed.database import Database
from testbed.liquibase import Liquibase
from testbed.workspace import Workspace
from tests.fixtures.clock import SteppedServer
from tests.fixtures.drills import StartDrill, is_whole
from tests.fixtures.exporters import Page

_HOUR = 3600
_BUILD = "postgres_index_build_duration_seconds"
_RUN = "liquibase_run_duration_seconds"
_RUNS = "liquibase_runs_total"
_BUILT = "postgres_index_build_completed_duration_seconds_count"
_IDLE = "postgres_idle_in_transaction_seconds"
_QUICK = {"watch": {"interval": "200ms", "busy_interval": "100ms"}}


@pytest.fixture(scope="module")
def stepped(workspace: Workspace) -> Iterator[SteppedServer]:
    with SteppedServer(workspace, "stepped") as server:
        server.database().execute("CREATE EXTENSION pg_stat_statements")
        server.database().execute("CREATE TABLE quests (id int); CREATE TABLE players (id int)")
        yield server


@contextmanager
def writing(database: Database, table: str) -> Iterator[None]:
    """A transaction that has written, and does nothing now."""
    with database.connect() as writer, writer.transaction():
        writer.execute(f"INSERT INTO {table} VALUES (0)".encode())
        yield


@contextmanager
def building(database: Database) -> Iterator[None]:
    """A build that waits for its table until the block ends."""
    with ThreadPoolExecutor(1) as thread:
        with writing(database, "players"):
            build = thread.submit(database.execute, "CREATE INDEX ON players (id)")
            yield
        build.result(timeout=60)


@contextmanager
def migrating(database: Database, workspace: Workspace) -> Iterator[None]:
    """Liquibase, whose changeset waits for its table until the block ends."""
    folder = workspace.folder("stepped changelog")
    changeset = "--liquibase formatted sql\n--changeset alice:season\n"
    (folder / "season.sql").write_text(f"{changeset}ALTER TABLE quests ADD season int;\n")
    log = workspace.log("stepped changelog")
    with writing(database, "quests"):
        run = Liquibase(database, folder, "season.sql").start("update", log=log)
        yield
    assert run.wait(60) == 0, run.tail()


def has_counted(builds: int) -> Callable[[Page], bool]:
    return lambda page: sum(page.values(_BUILT)) == builds


def test_steps_both_ways(stepped: SteppedServer, drill: StartDrill, workspace: Workspace) -> None:
    """A build begins before each step and ends after it; a migration runs all along."""
    database = stepped.database()
    with drill("server's clock stepped by hours, both ways", database, **_QUICK) as exercise:
        with migrating(database, workspace):
            exercise.until(lambda page: page.values(_RUN), "the migration runs")
            with exercise.fault():
                for count, seconds in enumerate((_HOUR, -_HOUR, 0), 1):
                    with building(database):
                        exercise.until(lambda page: page.values(_BUILD), "the build is seen")
                        stepped.step(seconds)
                        for page in exercise.some_scrapes(3):
                            assert is_whole(page)
                            assert page.values(_BUILD)
                            assert page.values(_RUN)
                    exercise.until(has_counted(count), "it is counted")
        exercise.until(lambda page: page.values(_RUNS, outcome="succeeded") == [1], "it ended")
        pages = [answer.page for answer in list(exercise.answers)]
    assert max(max(page.values(_IDLE, datname=database.name)) for page in pages) > _HOUR
    assert negative(pages) == []
    assert fallen(pages) == []


def negative(pages: Iterable[Page]) -> list[str]:
    """Times and ratios below zero, and counters of any kind."""
    never = ("_seconds", "_ratio", "_total", "_sum", "_count", "_bucket")
    return [
        str(sample)
        for page in pages
        for sample in page.samples
        if sample.name.endswith(never) and sample.value < 0
    ]


def fallen(pages: Sequence[Page]) -> list[str]:
    """Series of counters and histograms that are lower on a page than on the one before."""
    return [
        f"{series}: {values[series]} after {before[series]}"
        for before, values in pairwise(map(counters, pages))
        for series in values
        if values[series] < before.get(series, 0)
    ]


def counters(page: Page) -> dict[str, float]:
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in page.families.values()
        if family.type in ("counter", "histogram")
        for sample in family.samples
    }
