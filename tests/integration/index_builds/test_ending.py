"""How index builds end, and what they leave behind."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from testbed.database import Database
from testbed.waiting import wait_until
from tests.fixtures.exporters import Page, StartExporter, scrape, scrape_until
from tests.integration.index_builds.builds import (
    DURATION,
    QUICK,
    ended,
    held,
    is_stored,
    is_told,
    writing,
)


def has_one(outcome: str) -> Callable[[Page], bool]:
    """Whether one build ended so."""
    return lambda page: ended(page, "CREATE INDEX").get(outcome) == 1


def test_a_build_counts_when_its_transaction_is_over(
    quests: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(quests, watch=QUICK)
    with quests.connect() as holder, quests.connect() as migration, ThreadPoolExecutor(1) as thread:
        for ending, outcome in (("ROLLBACK", "failed"), ("COMMIT", "completed")):
            holder.execute("SELECT pg_advisory_lock(1)")
            migration.execute("BEGIN")
            build = thread.submit(migration.execute, "CREATE INDEX i ON quests (held(level))")
            scrape_until(exporter, lambda page: page.values(DURATION), "the build is seen")
            holder.execute("SELECT pg_advisory_unlock(1)")
            build.result(timeout=60)
            before = scrape_until(exporter, lambda page: not page.values(DURATION), "it is over")
            assert outcome not in ended(before, "CREATE INDEX")
            migration.execute(ending)
            scrape_until(exporter, has_one(outcome), outcome)
    page = scrape(exporter)
    histogram = "postgres_index_build_completed_duration_seconds"
    assert page.value(f"{histogram}_count", command="CREATE INDEX") == 1
    assert page.value(f"{histogram}_sum", command="CREATE INDEX") > 0


def test_the_build_that_follows_on_the_same_table_is_another(
    quests: Database, start_exporter: StartExporter
) -> None:
    """The first was seen before it had an index; the next one's is invalid, since it is built."""
    exporter = start_exporter(quests, watch=QUICK)
    build = "CREATE INDEX CONCURRENTLY"
    with ThreadPoolExecutor(1) as thread, quests.connect() as builder:
        with quests.connect() as locker, locker.transaction():
            locker.execute("LOCK TABLE quests IN SHARE UPDATE EXCLUSIVE MODE")
            first = thread.submit(builder.execute, f"{build} one ON quests (id)")
            scrape_until(exporter, lambda page: page.values(DURATION), "the build is seen")
            exporter.process.freeze()
        first.result(timeout=60)
        with writing(quests):
            second = thread.submit(builder.execute, f"{build} two ON quests (level)")
            unborn = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
            wait_until(lambda: quests.value(unborn), 60, "the second has its index")
            exporter.process.thaw()
            page = scrape_until(exporter, lambda page: ended(page, build), "the first has ended")
        second.result(timeout=60)
    assert ended(page, build) == {"completed": 1}


def test_between_two_scrapes_a_failure_and_what_it_leaves_invalid(
    quests: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(quests, watch=QUICK)
    quests.execute("UPDATE quests SET level = level + 1 WHERE level = 1")
    statement = "CREATE UNIQUE INDEX CONCURRENTLY by_level ON quests (held(level))"
    with held(quests, statement) as build:
        is_told(exporter, "index_build_started")
    assert isinstance(build.exception(), psycopg.errors.UniqueViolation)
    is_told(exporter, "index_build_invalid")

    page = scrape(exporter)
    index = {"schemaname": "public", "relname": "quests", "indexrelname": "by_level"}
    assert ended(page, "CREATE INDEX CONCURRENTLY") == {"invalid": 1}
    assert page.value("postgres_index_invalid", **index) == 1
    age = page.value("postgres_index_invalid_age_seconds", **index)
    assert scrape(exporter).value("postgres_index_invalid_age_seconds", **index) > age
    quests.execute("DROP INDEX by_level")
    assert scrape(exporter).values("postgres_index_invalid") == []


def test_a_backend_that_is_gone(quests: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(quests, watch=QUICK)
    with held(quests, "CREATE INDEX by_level ON quests (held(level))") as build:
        is_told(exporter, "index_build_started")
        quests.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE IN%'"
        )
        assert isinstance(build.exception(timeout=60), psycopg.errors.AdminShutdown)
    is_told(exporter, "index_build_failed")
    assert ended(scrape(exporter), "CREATE INDEX") == {"failed": 1}


def test_what_a_running_reindex_makes_is_not_invalid(
    quests: Database, start_exporter: StartExporter
) -> None:
    quests.execute("CREATE INDEX by_level ON quests (held(level))")
    exporter = start_exporter(quests, watch=QUICK)
    with held(quests, "REINDEX TABLE CONCURRENTLY quests") as build:
        page = scrape_until(exporter, lambda page: page.values(DURATION), "the build is seen")
        invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
        assert quests.value(invalid) >= 2
        assert page.values("postgres_index_invalid") == []
        pid = quests.value("SELECT pid FROM pg_stat_progress_create_index")
        quests.execute("SELECT pg_cancel_backend(%s)", [pid])
        assert isinstance(build.exception(timeout=60), psycopg.errors.QueryCanceled)
    is_told(exporter, "index_build_invalid")
    left = "postgres_index_invalid"
    page = scrape_until(exporter, lambda page: page.values(left), "what it left is seen")
    assert len(page.values(left)) == quests.value(invalid)


@pytest.mark.parametrize("outcome", ["completed", "failed"])
def test_a_restart_during_the_build_forgets_nothing(
    quests: Database, start_exporter: StartExporter, tmp_path: Path, outcome: str
) -> None:
    """It is killed while a build runs; its successor knows how that build ended."""
    settings = {"watch": QUICK, "state_directory": str(tmp_path)}
    exporter = start_exporter(quests, **settings)
    if outcome == "failed":
        quests.execute("UPDATE quests SET level = level + 1 WHERE level = 1")
    with held(quests, "CREATE UNIQUE INDEX by_level ON quests (held(level))"):
        wait_until(lambda: is_stored(tmp_path), 60, "the build is stored")
        exporter.process.kill()
    successor = start_exporter(quests, **settings)
    is_told(successor, f"index_build_{outcome}")
    assert ended(scrape(successor), "CREATE INDEX") == {outcome: 1}
    successor.stop()
    third = start_exporter(quests, **settings)
    assert ended(scrape(third), "CREATE INDEX") == {outcome: 1}
