"""Names of every kind, in every place where a name is shown: only text, and the page parses."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
from psycopg import sql

from testbed.database import Database
from testbed.waiting import wait_until
from tests.fixtures.exporters import Page, StartExporter, scrape_until

_NAMES = (
    "a\"b'c",
    "first\nsecond",
    "a\\n\\\\b\\",
    "quest🐉☃",
    'x{le="1"} 1\npostgres_up 0',
    "n" * 63,
    "'; DROP TABLE quests; --",
    "{0} %s $1 {schema}",
)
_RAW = b'\xff\xfe"\n'


def test_names_are_only_text(database: Database, start_exporter: StartExporter) -> None:
    """Schema, table, index, application, statement: of builds that wait, and of the writers."""
    exporter = start_exporter(database, tables={"interval": "1ms"})
    with ThreadPoolExecutor(len(_NAMES)) as threads, ExitStack() as writers:
        shown = {name: writers.enter_context(written(database, name)) for name in _NAMES}
        builds = [threads.submit(database.execute, build_of(database, name)) for name in _NAMES]
        page = scrape_until(exporter, all_wait, "the builds wait")
        writers.close()
        for build in builds:
            build.result(timeout=60)

    assert page.value("postgres_up") == 1
    assert set(page.values("migration_exporter_collector_success")) == {1}
    for name in _NAMES:
        table = {"schemaname": name, "relname": name}
        index = {**table, "indexrelname": name[:62] + "i"}
        assert page.value("postgres_index_build_lockers", **index) == 1
        assert page.value("postgres_table_size_measured", **table) == 1
    lockers = samples(page, "postgres_index_build_locker_transaction_seconds")
    assert {locker["relname"]: locker["application_name"] for locker in lockers} == shown


@contextmanager
def written(database: Database, name: str) -> Iterator[str]:
    """A transaction that wrote a table of this name; the name of its application on the server."""
    quoted = sql.Identifier(name)
    for statement in ("CREATE SCHEMA {0}", "CREATE TABLE {0}.{0} (id int, {0} text)"):
        with database.connect() as connection:
            connection.execute(sql.SQL(statement).format(quoted))
    application = name.encode()[:63].decode(errors="ignore")
    with database.connect(application_name=application) as writer, writer.transaction():
        insert = sql.SQL("INSERT INTO {0}.{0} VALUES (1, {1})").format(quoted, sql.Literal(name))
        writer.execute(insert)
        # PostgreSQL replaces all but printable ASCII, each version in its own way.
        [(shown,)] = writer.execute("SELECT current_setting('application_name')").fetchall()
        yield shown


def build_of(database: Database, name: str) -> str:
    index, quoted = sql.Identifier(name[:62] + "i"), sql.Identifier(name)
    build = sql.SQL("CREATE INDEX CONCURRENTLY {0} ON {1}.{1} (id)").format(index, quoted)
    with database.connect() as connection:
        return build.as_string(connection)


def all_wait(page: Page) -> bool:
    waiting = page.values("postgres_index_build_blocked_seconds")
    return sum(seconds > 0 for seconds in waiting) == len(_NAMES)


def samples(page: Page, family: str) -> list[dict[str, str]]:
    return [sample.labels for sample in page.samples if sample.name == family]


@pytest.fixture
def raw_database(database: Database) -> Iterator[Database]:
    """A database in SQL_ASCII: names are any bytes."""
    name = f"{database.name}_raw"
    database.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    yield Database(database.port, name, database.user, database.password)
    database.execute(f"DROP DATABASE {name} WITH (FORCE)")
    # Else no text can be read for the tests to come.
    database.execute("SELECT pg_stat_statements_reset()")


def test_bytes_that_are_no_utf8(raw_database: Database, start_exporter: StartExporter) -> None:
    quoted = b'"' + _RAW.replace(b'"', b'""') + b'"'
    with raw_database.connect(client_encoding="SQL_ASCII") as connection:
        connection.execute(b"CREATE SCHEMA " + quoted)
        connection.execute(b"CREATE TABLE %s.%s (id int)".replace(b"%s", quoted))
        connection.execute(b"INSERT INTO %s.%s VALUES (1), (1)".replace(b"%s", quoted))
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(
                b"CREATE UNIQUE INDEX CONCURRENTLY %i ON %s.%s (id)".replace(b"%s", quoted).replace(
                    b"%i", quoted[:-1] + b'i"'
                )
            )
        connection.execute(b"BEGIN; LOCK TABLE %s.%s IN EXCLUSIVE MODE".replace(b"%s", quoted))
        with ThreadPoolExecutor(1) as thread:
            waiting = raw_database.connect(client_encoding="SQL_ASCII")
            update = b"UPDATE %s.%s SET id = 2".replace(b"%s", quoted)
            thread.submit(waiting.execute, update)
            count = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            wait_until(lambda: raw_database.value(count) == 1, 60, "it waits")
            exporter = start_exporter(raw_database)
            depth = "postgres_lock_queue_depth"
            page = scrape_until(exporter, lambda page: page.values(depth), "the queue is seen")
            connection.execute(b"ROLLBACK")
        waiting.close()
    shown = '\\xff\\xfe"\n'
    table = {"schemaname": shown, "relname": shown}
    assert page.value(depth, **table) == 1
    assert page.value("postgres_index_invalid", indexrelname=shown + "i", **table) == 1
    assert set(page.values("migration_exporter_collector_success")) == {1}
