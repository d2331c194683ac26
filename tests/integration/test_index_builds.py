"""Index builds while they run, by name, and gone when they end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from demo.stack.database import Database
from tests.fixtures.exporters import StartExporter, scrape, scrape_until

_DURATION = "postgres_index_build_duration_seconds"


@pytest.mark.parametrize(
    ("statement", "index", "command"),
    [
        (
            'CREATE INDEX CONCURRENTLY "by ""Level""" ON "Quest Defs" (level)',
            'by "Level"',
            "CREATE INDEX CONCURRENTLY",
        ),
        ('create index By_Level on "Quest Defs" (level)', "by_level", "CREATE INDEX"),
        ('REINDEX TABLE CONCURRENTLY "Quest Defs"', "quest_pkey", "REINDEX CONCURRENTLY"),
    ],
)
def test_seen_by_name_while_it_waits(
    database: Database,
    start_exporter: StartExporter,
    statement: str,
    index: str,
    command: str,
) -> None:
    """Held up by a writer (CONCURRENTLY), or in its scan by an expression that waits."""
    database.execute('CREATE TABLE "Quest Defs" (id int CONSTRAINT quest_pkey PRIMARY KEY)')
    database.execute('ALTER TABLE "Quest Defs" ADD level int')
    database.execute('INSERT INTO "Quest Defs" VALUES (1, 1)')
    if command == "CREATE INDEX":
        statement = _slow_scan(database, statement)
    exporter = start_exporter(database)
    with ThreadPoolExecutor(1) as thread, database.connect() as writer:
        with writer.transaction():
            writer.execute("SELECT pg_advisory_xact_lock(1)")
            if command != "CREATE INDEX":
                writer.execute('INSERT INTO "Quest Defs" VALUES (2, 2)')
            build = thread.submit(database.execute, statement)
            page = scrape_until(exporter, lambda page: page.values(_DURATION), "the build is seen")
            [sample] = [one for one in page.samples if one.name == _DURATION]
            later = scrape(exporter).value(_DURATION)
        build.result(timeout=30)

    assert sample.labels["datname"] == database.name
    assert sample.labels["schemaname"] == "public"
    assert sample.labels["relname"] == "Quest Defs"
    assert sample.labels["indexrelname"].removesuffix("_ccnew") == index
    assert sample.labels["command"] == command
    assert later > sample.value > 0
    assert scrape(exporter).values(_DURATION) == []


def _slow_scan(database: Database, statement: str) -> str:
    """The build waits in its scan for an advisory lock, through the indexed expression."""
    database.execute(
        "CREATE FUNCTION held(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN $1; END'"
    )
    return statement.replace("(level)", "(held(level))")
