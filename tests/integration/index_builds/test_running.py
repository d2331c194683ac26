"""Index builds while they run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from testbed.database import Database
from testbed.waiting import wait_until
from tests.fixtures.exporters import StartExporter, has_series, scrape, scrape_until
from tests.integration.index_builds.builds import (
    DURATION,
    MIDDLE,
    QUICK,
    ended,
    held,
    writing,
)


def test_the_first_block_of_a_scan_is_not_the_whole(
    quests: Database, start_exporter: StartExporter
) -> None:
    """PostgreSQL reports that all blocks are done while it is in the first one."""
    exporter = start_exporter(quests, watch=QUICK)
    rows = f"SELECT g AS level FROM generate_series({MIDDLE}, 1, -1) g"
    quests.execute(f"CREATE TABLE scrolls AS {rows}")
    with held(quests, "CREATE INDEX scrolls_by_level ON scrolls (held(level))"):
        reported = "SELECT blocks_done = blocks_total FROM pg_stat_progress_create_index"
        assert quests.value(reported) is True
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
        page = scrape_until(exporter, lambda page: page.values(DURATION), "the build is seen")
        later = scrape(exporter)

    labels = {
        "datname": quests.name,
        "schemaname": "public",
        "relname": "quests",
        "indexrelname": index,
        "command": command,
    }
    assert later.value(DURATION, **labels) > page.value(DURATION, **labels) > 0
    assert 0.1 < page.value("postgres_index_build_progress_ratio", **labels) < 0.6
    assert page.values("postgres_index_build_eta_seconds", **labels) == []
    assert page.values("postgres_index_invalid") == []
    assert scrape(exporter).values(DURATION) == []


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
    exporter = start_exporter(quests, watch=QUICK)
    with ThreadPoolExecutor(1) as thread:
        with writing(quests):
            build = thread.submit(quests.execute, statement)
            page = scrape_until(exporter, lambda page: page.values(DURATION), "it waits")
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
        [MIDDLE, MIDDLE],
    )


def test_constraints_a_partitioned_table_and_a_rewrite(
    quests: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(quests, watch=QUICK)
    make_spans(quests)
    quests.execute("CREATE TABLE parted (level int) PARTITION BY RANGE (level)")
    for number in range(4):
        first, end = number * MIDDLE // 2, (number + 1) * MIDDLE // 2
        values = f"FOR VALUES FROM ({first}) TO ({end})"
        quests.execute(f"CREATE TABLE p{number} PARTITION OF parted {values}")
    quests.execute("INSERT INTO parted SELECT generate_series(1, %s)", [2 * MIDDLE - 1])
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
            scrape_until(exporter, has_series(DURATION, **labels), statement)
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
