"""Long operations while they run, held by a client that pauses, a limit, or an index's function."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from testbed.database import Database
from testbed.postgres import Server
from testbed.process import Process
from testbed.programs import postgres_bindir
from tests.fixtures.exporters import StartExporter, has_series, scrape, scrape_until

_DURATION = "postgres_operation_duration_seconds"
_PROGRESS = "postgres_operation_progress_ratio"


def test_copy_counts_its_rows(database: Database, start_exporter: StartExporter) -> None:
    database.execute("CREATE TABLE quests (id int, title text)")
    exporter = start_exporter(database)
    with (
        database.connect() as client,
        client.cursor() as cursor,
        cursor.copy("COPY quests FROM STDIN") as copy,
    ):
        for number in range(20_000):
            copy.write_row((number, "quest"))
        labels = {"relname": "quests", "operation": "COPY FROM"}
        page = scrape_until(
            exporter,
            lambda page: sum(page.values("postgres_copy_rows", **labels)) > 1000,
            "rows are counted",
        )
    assert page.value(_DURATION, phase="copying", **labels) > 0
    assert page.values(_PROGRESS, **labels) == []
    assert scrape(exporter).values(_DURATION, **labels) == []


def test_vacuum_and_analyze(database: Database, start_exporter: StartExporter) -> None:
    database.execute("CREATE TABLE quests AS SELECT generate_series(1, 400000) AS id")
    exporter = start_exporter(database)
    for statement in ("VACUUM", "ANALYZE"):
        with database.connect() as slow, ThreadPoolExecutor(1) as thread:
            slow.execute("SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 10")
            running = thread.submit(slow.execute, f"{statement} quests")
            labels = {"relname": "quests", "operation": statement}
            page = scrape_until(exporter, has_series(_PROGRESS, **labels), statement)
            slow.cancel_safe()
            assert running.exception(timeout=60) is not None
        assert page.value(_DURATION, **labels) > 0
        assert 0 <= page.value(_PROGRESS, **labels) < 1


@pytest.fixture
def clustered(database: Database) -> Database:
    """A table with an index that waits for an advisory lock while it is built."""
    database.execute("CREATE TABLE quests AS SELECT generate_series(1, 1000) AS id")
    database.execute(
        "CREATE FUNCTION held(int) RETURNS int IMMUTABLE LANGUAGE sql AS"
        " 'SELECT pg_advisory_lock_shared(1), pg_advisory_unlock_shared(1); SELECT $1'"
    )
    database.execute("CREATE INDEX by_id ON quests (held(id))")
    return database


@contextmanager
def held(database: Database, statement: str) -> Iterator[None]:
    """`statement` builds the index of `clustered` anew, and waits there until the block ends."""
    with ThreadPoolExecutor(1) as thread:
        with database.connect() as holder:
            holder.execute("SELECT pg_advisory_lock(1)")
            running = thread.submit(database.execute, statement)
            yield
        running.result(timeout=60)


@pytest.mark.parametrize(
    ("statement", "operation"),
    [("CLUSTER quests USING by_id", "CLUSTER"), ("VACUUM FULL quests", "VACUUM FULL")],
)
def test_what_rewrites_a_table(
    clustered: Database, start_exporter: StartExporter, statement: str, operation: str
) -> None:
    exporter = start_exporter(clustered)
    labels = {"relname": "quests", "operation": operation, "phase": "rebuilding index"}
    with held(clustered, statement):
        page = scrape_until(exporter, has_series(_DURATION, **labels), statement)
        later = scrape(exporter)
    assert later.value(_DURATION, **labels) > page.value(_DURATION, **labels) > 0
    assert scrape(exporter).values(_DURATION, **labels) == []


def test_a_base_backup(
    server: Server, database: Database, start_exporter: StartExporter, tmp_path: Path
) -> None:
    """It belongs to no table and no database."""
    exporter = start_exporter(database)
    program = postgres_bindir() / "pg_basebackup"
    what = ["-D", str(tmp_path / "copy"), "--max-rate=32", "--checkpoint=fast"]
    where = ["-h", "127.0.0.1", "-p", str(server.port), "-U", database.user]
    backup = Process(
        "pg_basebackup", tmp_path / "log", environment={"PGPASSWORD": database.password}
    )
    backup.start([program, *what, *where])
    labels = {"datname": "", "relname": "", "operation": "BASE BACKUP"}
    try:
        page = scrape_until(exporter, has_series(_PROGRESS, **labels), "its progress")
    finally:
        backup.kill()
    assert 0 <= page.value(_PROGRESS, **labels) < 1
    assert page.value(_DURATION, **labels) > 0
    scrape_until(exporter, lambda page: not page.values(_DURATION), "it is over")
