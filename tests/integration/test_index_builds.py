"""Index builds while they run, how they end, and what they leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from demo.stack.database import Database
from demo.stack.exporter import Exporter
from demo.stack.waiting import wait_until
from tests.fixtures.exporters import Page, StartExporter, scrape, scrape_until

_DURATION = "postgres_index_build_duration_seconds"
_BUILDS = "postgres_index_builds_total"
_QUICK = {"interval": "1s", "busy_interval": "100ms"}
#: The row at which a build with `held(level)` waits for the test.
_MIDDLE = 20_000


@pytest.fixture
def quests(database: Database) -> Database:
    """A table whose builds wait in the middle of their scan through the expression held(level)."""
    database.execute(
        "CREATE TABLE quests (id int CONSTRAINT quests_pkey PRIMARY KEY, level int, title text)"
    )
    database.execute(
        "INSERT INTO quests SELECT g, g, 'quest' FROM generate_series(1, %s) g", [2 * _MIDDLE]
    )
    database.execute(
        "CREATE FUNCTION held(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN"
        f" IF $1 = {_MIDDLE} THEN PERFORM pg_advisory_lock_shared(1);"
        " PERFORM pg_advisory_unlock_shared(1); END IF; RETURN $1; END'"
    )
    return database


@contextmanager
def held(database: Database, statement: str) -> Iterator[Future[Any]]:
    """`statement` runs into held() and waits there until the block ends."""
    with ThreadPoolExecutor(1) as thread:
        with database.connect() as holder:
            holder.execute("SELECT pg_advisory_lock(1)")
            build = thread.submit(database.execute, statement)
            waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            wait_until(lambda: build.done() or database.value(waits), 60, "the build waits")
            yield build
        build.exception(timeout=60)


@contextmanager
def writing(database: Database, application_name: str = "quest-service") -> Iterator[None]:
    """A transaction that has written, and does nothing now."""
    with database.connect(application_name=application_name) as writer, writer.transaction():
        writer.execute("INSERT INTO quests VALUES (0, 0, 'new')")
        yield


def is_told(exporter: Exporter, kind: str) -> None:
    """Await that the watcher tells an event, without a scrape that could have seen it instead."""
    wait_until(lambda: f" {kind} " in exporter.process.output(), 60, kind)


def ended(page: Page, command: str) -> dict[str, float]:
    """How many builds by `command` ended, by outcome."""
    return {
        one.labels["outcome"]: one.value
        for one in page.samples
        if one.name == _BUILDS and one.labels["command"] == command and one.value
    }


# --- while it runs --------------------------------------------------------------------------


def test_the_first_block_of_a_scan_is_not_the_whole(
    quests: Database, start_exporter: StartExporter
) -> None:
    """PostgreSQL itself says that all blocks are done while it is in the first one."""
    exporter = start_exporter(quests, watch=_QUICK)
    rows = f"SELECT g AS level FROM generate_series({_MIDDLE}, 1, -1) g"
    quests.execute(f"CREATE TABLE scrolls AS {rows}")
    with held(quests, "CREATE INDEX scrolls_by_level ON scrolls (held(level))"):
        told = "SELECT blocks_done = blocks_total FROM pg_stat_progress_create_index"
        assert quests.value(told) is True
        page = scrape(exporter)
        phase = "building index: scanning table"
        assert page.value("postgres_index_build_progress_ratio", phase=phase) == 0


@pytest.mark.parametrize(
    ("statement", "index", "command"),
    [
        ('CREATE INDEX "by ""Level""" ON quests (held(level))', 'by "Level"', "CREATE INDEX"),
        (
            "create unique index concurrently By_Level on quests (held(level))",
            "by_level",
            "CREATE INDEX CONCURRENTLY",
        ),
        (
            "CREATE INDEX by_gin ON quests USING gin (as_array(held(level)))",
            "by_gin",
            "CREATE INDEX",
        ),
    ],
)
def test_in_the_middle_of_its_scan(
    quests: Database, start_exporter: StartExporter, statement: str, index: str, command: str
) -> None:
    quests.execute(
        "CREATE FUNCTION as_array(int) RETURNS int[] IMMUTABLE LANGUAGE sql AS 'SELECT ARRAY[$1]'"
    )
    exporter = start_exporter(quests)
    with held(quests, statement):
        page = scrape_until(exporter, lambda page: page.values(_DURATION), "the build is seen")
        later = scrape(exporter)

    labels = {
        "datname": quests.name,
        "schemaname": "public",
        "relname": "quests",
        "indexrelname": index,
        "command": command,
    }
    assert later.value(_DURATION, **labels) > page.value(_DURATION, **labels) > 0
    assert 0.1 < page.value("postgres_index_build_progress_ratio", **labels) < 0.6
    assert page.values("postgres_index_build_eta_seconds", **labels) == []
    assert page.values("postgres_index_invalid") == []
    assert scrape(exporter).values(_DURATION) == []


def test_what_a_concurrent_build_waits_for(quests: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(quests)
    with ThreadPoolExecutor(1) as thread:
        with writing(quests):
            build = thread.submit(
                quests.execute, "CREATE INDEX CONCURRENTLY by_level ON quests (level)"
            )
            waits = "postgres_index_build_blocked_seconds"
            page = scrape_until(exporter, lambda page: sum(page.values(waits)) > 0, "it waits")
        build.result(timeout=60)

    assert page.value("postgres_index_build_lockers") == 1
    locker = {"application_name": "quest-service", "state": "idle in transaction"}
    transaction = page.value("postgres_index_build_locker_transaction_seconds", **locker)
    assert transaction >= page.value(waits)
    phase = "waiting for writers before build"
    assert page.value("postgres_index_build_progress_ratio", phase=phase) < 0.05


@pytest.mark.parametrize(
    ("statement", "index", "command"),
    [
        ("CREATE INDEX by_level ON quests (level)", "by_level", "CREATE INDEX"),
        ("REINDEX TABLE quests", "", "REINDEX"),
    ],
)
def test_waiting_for_its_table(
    quests: Database, start_exporter: StartExporter, statement: str, index: str, command: str
) -> None:
    """PostgreSQL reports no progress before that; the build is shown all the same."""
    exporter = start_exporter(quests, watch=_QUICK)
    with ThreadPoolExecutor(1) as thread:
        with writing(quests):
            build = thread.submit(quests.execute, statement)
            page = scrape_until(exporter, lambda page: page.values(_DURATION), "it waits")
        build.result(timeout=60)

    labels = {"indexrelname": index, "command": command, "relname": "quests"}
    phase = {"phase": "waiting for the table lock"}
    assert page.value("postgres_index_build_progress_ratio", **labels, **phase) == 0
    assert page.value("postgres_index_build_lockers", **labels) == 1
    done = scrape_until(exporter, lambda page: ended(page, command), "it is counted")
    assert ended(done, command) == {"completed": 1}


def make_spans(quests: Database) -> None:
    """A table of ranges, which are compared with held(): a plain column for a unique constraint."""
    quests.execute(
        "CREATE FUNCTION held_compare(int, int) RETURNS int IMMUTABLE LANGUAGE sql"
        " AS 'SELECT btint4cmp(held($1), $2)'"
    )
    quests.execute(
        "CREATE OPERATOR CLASS held_ops FOR TYPE int USING btree AS FUNCTION 1 held_compare(int,"
        " int), OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >"
    )
    quests.execute("CREATE TYPE held_range AS RANGE (subtype = int, subtype_opclass = held_ops)")
    quests.execute(
        "CREATE TABLE spans AS SELECT held_range(g, g + 1) AS span"
        " FROM generate_series(%s - 50, %s + 50) g",
        [_MIDDLE, _MIDDLE],
    )


def test_constraints_a_partitioned_table_and_a_rewrite(
    quests: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(quests, watch=_QUICK)
    make_spans(quests)
    quests.execute("CREATE TABLE parted (level int) PARTITION BY RANGE (level)")
    for number in range(4):
        first, end = number * _MIDDLE // 2, (number + 1) * _MIDDLE // 2
        values = f"FOR VALUES FROM ({first}) TO ({end})"
        quests.execute(f"CREATE TABLE p{number} PARTITION OF parted {values}")
    quests.execute("INSERT INTO parted SELECT generate_series(1, %s)", [2 * _MIDDLE - 1])
    builds = {
        "ALTER TABLE quests ADD CONSTRAINT quests_level EXCLUDE ((held(level)) WITH =)": (
            "quests",
            "quests_level",
            "CREATE INDEX",
        ),
        "ALTER TABLE spans ADD CONSTRAINT one_each UNIQUE (span)": (
            "spans",
            "one_each",
            "CREATE INDEX",
        ),
        "CREATE INDEX by_part ON parted (held(level))": ("parted", "by_part", "CREATE INDEX"),
        "ALTER TABLE quests ALTER id TYPE bigint USING held(id)": ("quests", "", "ALTER TABLE"),
    }
    for statement, (table, index, command) in builds.items():
        labels = {"relname": table, "indexrelname": index, "command": command}
        with held(quests, statement):
            scrape_until(
                exporter, lambda page, labels=labels: page.values(_DURATION, **labels), statement
            )
    page = scrape_until(exporter, lambda page: ended(page, "ALTER TABLE"), "all are counted")
    assert ended(page, "CREATE INDEX") == {"completed": 3}
    assert ended(page, "ALTER TABLE") == {"completed": 1}


def test_progress_never_goes_back(quests: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(quests)
    with quests.connect() as connection:
        connection.execute("INSERT INTO quests SELECT g, g, 'q' FROM generate_series(1e5, 6e5) g")
    courses: dict[str, list[float]] = {}

    def look() -> bool:
        for one in scrape(exporter).samples:
            if one.name == "postgres_index_build_progress_ratio":
                courses.setdefault(one.labels["indexrelname"], []).append(one.value)
        return bool(courses)

    with ThreadPoolExecutor(1) as thread:
        with writing(quests):
            build = thread.submit(quests.execute, "REINDEX TABLE CONCURRENTLY quests")
            wait_until(look, 60, "it waits for the writer")
        while not build.done():
            look()
        build.result()
    assert sum(map(len, courses.values())) > 1
    for course in courses.values():
        assert course == sorted(course)
        assert 0 <= course[0] <= course[-1] <= 1


# --- how it ends ----------------------------------------------------------------------------


def test_a_build_counts_when_its_transaction_is_over(
    quests: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(quests, watch=_QUICK)
    with quests.connect() as holder, quests.connect() as migration, ThreadPoolExecutor(1) as thread:
        for ending, outcome in (("ROLLBACK", "failed"), ("COMMIT", "completed")):
            holder.execute("SELECT pg_advisory_lock(1)")
            migration.execute("BEGIN")
            build = thread.submit(migration.execute, "CREATE INDEX i ON quests (held(level))")
            scrape_until(exporter, lambda page: page.values(_DURATION), "the build is seen")
            holder.execute("SELECT pg_advisory_unlock(1)")
            build.result(timeout=60)
            before = scrape_until(exporter, lambda page: not page.values(_DURATION), "it is over")
            assert outcome not in ended(before, "CREATE INDEX")
            migration.execute(ending)
            scrape_until(
                exporter,
                lambda page, outcome=outcome: ended(page, "CREATE INDEX").get(outcome) == 1,
                outcome,
            )
    page = scrape(exporter)
    histogram = "postgres_index_build_completed_duration_seconds"
    assert page.value(f"{histogram}_count", command="CREATE INDEX") == 1
    assert page.value(f"{histogram}_sum", command="CREATE INDEX") > 0


def test_the_build_that_follows_on_the_same_table_is_another(
    quests: Database, start_exporter: StartExporter
) -> None:
    """The first was seen before it had an index; the next one's is invalid, since it is built."""
    exporter = start_exporter(quests, watch=_QUICK)
    build = "CREATE INDEX CONCURRENTLY"
    with ThreadPoolExecutor(1) as thread, quests.connect() as builder:
        with quests.connect() as locker, locker.transaction():
            locker.execute("LOCK TABLE quests IN SHARE UPDATE EXCLUSIVE MODE")
            first = thread.submit(builder.execute, f"{build} one ON quests (id)")
            scrape_until(exporter, lambda page: page.values(_DURATION), "the build is seen")
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
    exporter = start_exporter(quests, watch=_QUICK)
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
    exporter = start_exporter(quests, watch=_QUICK)
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
    exporter = start_exporter(quests, watch=_QUICK)
    with held(quests, "REINDEX TABLE CONCURRENTLY quests") as build:
        page = scrape_until(exporter, lambda page: page.values(_DURATION), "the build is seen")
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
    settings = {"watch": _QUICK, "state_directory": str(tmp_path)}
    exporter = start_exporter(quests, **settings)
    if outcome == "failed":
        quests.execute("UPDATE quests SET level = level + 1 WHERE level = 1")
    with held(quests, "CREATE UNIQUE INDEX by_level ON quests (held(level))"):
        is_told(exporter, "index_build_started")
        exporter.process.kill()
    successor = start_exporter(quests, **settings)
    is_told(successor, f"index_build_{outcome}")
    assert ended(scrape(successor), "CREATE INDEX") == {outcome: 1}
    successor.stop()
    third = start_exporter(quests, **settings)
    assert ended(scrape(third), "CREATE INDEX") == {outcome: 1}
