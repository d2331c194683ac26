"""What the exporter reads and keeps: statistics that vanish, a disk that is full."""

from __future__ import annotations

import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from testbed.database import Database
from tests.fixtures.drills import StartDrill, is_whole

_COUNT = "postgres_query_duration_seconds_count"
_STORED = "migration_exporter_state_stored"


def test_extension_comes_and_goes(database: Database, drill: StartDrill) -> None:
    with drill("pg_stat_statements dropped, then installed", database) as exercise:
        with exercise.fault():
            database.execute("DROP EXTENSION pg_stat_statements")
            skipped = {"collector": "query_duration", "reason": "missing_extension"}
            name = "migration_exporter_collector_skipped"
            page = exercise.until(lambda page: page.values(name, **skipped), "it is reported")
            database.execute("CREATE EXTENSION pg_stat_statements")
        database.execute("SELECT 1")
        exercise.until(lambda page: page.values(_COUNT), "statements are counted again")
    assert page.values(_COUNT) == []
    assert page.value("postgres_up") == 1


def test_statistics_reset(database: Database, drill: StartDrill) -> None:
    """Counters of the server go back; ours count on."""
    with drill("statistics reset: counters go back", database) as exercise:
        database.execute("SELECT 1")
        counted = exercise.until(
            lambda page: page.values(_COUNT, datname=database.name), "a statement is counted"
        )
        before = counted.value(_COUNT, datname=database.name)
        with exercise.fault():
            for _ in range(3):
                database.execute("SELECT pg_stat_statements_reset(), pg_stat_reset()")
                assert is_whole(exercise.some_scrapes(1)[0])
        after = exercise.answers[-1].page.value(_COUNT, datname=database.name)
    assert after >= before


def test_disk_full(database: Database, drill: StartDrill, tmp_path: Path) -> None:
    """The exporter serves on and says that a restart would forget.

    A limit of the process, which needs no right to mount a file system, and which SQLite reports as
    it reports a full one: "disk I/O error".
    """
    settings = {
        "state_directory": str(tmp_path),
        "watch": {"interval": "200ms", "busy_interval": "100ms"},
    }
    database.execute("CREATE TABLE quests AS SELECT generate_series(1, 1000) AS id")
    with drill("disk of the state directory full", database, **settings) as exercise:
        pid = exercise.exporter.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        with exercise.fault():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
            with (
                ThreadPoolExecutor(1) as thread,
                database.connect() as writer,
                writer.transaction(),
            ):
                writer.execute("INSERT INTO quests VALUES (0)")
                thread.submit(database.execute, "CREATE INDEX CONCURRENTLY i ON quests (id)")
                page = exercise.until(lambda page: page.value(_STORED) == 0, "it is reported")
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        exercise.until(lambda page: page.value(_STORED) == 1, "the state is stored again")
    assert is_whole(page)
