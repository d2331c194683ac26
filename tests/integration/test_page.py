"""The page as Prometheus and its tools read it."""

from __future__ import annotations

import subprocess

import httpx
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from pg_migration_exporter.reference.catalogue import FAMILIES
from testbed.database import Database
from testbed.programs import program
from tests.fixtures.exporters import EVERY_COLLECTOR, Page, StartExporter, scrape, scrape_until


def test_every_collector_answers(database: Database, start_exporter: StartExporter) -> None:
    page = scrape(start_exporter(database))

    assert page.value("postgres_up") == 1
    assert set(page.values("migration_exporter_collector_success")) == {1}
    assert page.values("migration_exporter_collector_skipped") == []


def test_every_declared_family_is_announced(
    database: Database, start_exporter: StartExporter
) -> None:
    """Rules and dashboards may rely on HELP and TYPE lines even where there is no sample yet."""
    text = scrape(start_exporter(database, **EVERY_COLLECTOR)).text

    for family in FAMILIES:
        assert f"# TYPE {family.name} {family.type}\n" in text


def test_promtool_has_nothing_to_say(database: Database, start_exporter: StartExporter) -> None:
    page = scrape(start_exporter(database, **EVERY_COLLECTOR))
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=page.text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_openmetrics_holds_the_same_series(
    database: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(database)
    looked = ("migration_exporter_watch_age_seconds", "postgres_query_duration_seconds_count")
    scrape_until(
        exporter, lambda page: all(page.values(name) for name in looked), "the watcher has looked"
    )
    answer = httpx.get(
        exporter.url + "/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"}
    )
    samples = [
        sample
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    ]

    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")
    assert {sample.name for sample in samples} == {
        sample.name for sample in scrape(exporter).samples
    }


def test_hostile_names_are_only_text(database: Database, start_exporter: StartExporter) -> None:
    hostile = 'a"b\\c\n{le="1"} 1 # ☃'
    quoted = hostile.replace('"', '""')
    database.execute(f"CREATE ROLE \"{quoted}\" LOGIN SUPERUSER PASSWORD 'x'")
    try:
        other = Database(database.port, database.name, hostile, "x")
        with other.connect():
            page = scrape(start_exporter(database))
            assert page.value("postgres_connections", usename=hostile, state="idle") == 1
    finally:
        database.execute(f'DROP ROLE "{quoted}"')


def test_names_that_are_not_utf8_do_not_hurt(
    database: Database, start_exporter: StartExporter
) -> None:
    """A database in SQL_ASCII holds any bytes, and hands them out unconverted."""
    raw = f"{database.name}_raw"
    database.execute(f"CREATE DATABASE {raw} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    ascii_database = Database(database.port, raw, database.user, database.password)
    try:
        with ascii_database.connect(client_encoding="SQL_ASCII") as connection:
            connection.execute(b'CREATE SCHEMA "s\xff"')
            connection.execute(
                b'CREATE TABLE "s\xff".databasechangelog (id text, author text, filename text,'
                b" dateexecuted timestamp, orderexecuted int, exectype text, md5sum text,"
                b" tag text, deployment_id text)"
            )
            connection.execute(
                b'CREATE TABLE "s\xff".databasechangeloglock (id int, locked bool,'
                b" lockgranted timestamp, lockedby text)"
            )
        page = scrape(start_exporter(ascii_database))
        assert page.status(r"s\xff.databasechangelog") == "not_initialised"
        neighbor = scrape(
            start_exporter(database, watch={"enabled": False}, statements={"text": True})
        )
        assert set(neighbor.values("migration_exporter_collector_success")) == {1}
    finally:
        database.execute(f"DROP DATABASE {raw} WITH (FORCE)")
        # Else no text can be read for the tests to come.
        database.execute("SELECT pg_stat_statements_reset()")


def test_a_short_deadline_still_gets_an_answer(
    database: Database, start_exporter: StartExporter
) -> None:
    """Prometheus waits 0.2 s: what is there by then is the answer, and the rest says so."""
    exporter = start_exporter(database)
    scrape(exporter)
    with database.connect() as catalog, catalog.transaction():
        catalog.execute("LOCK TABLE pg_catalog.pg_extension IN ACCESS EXCLUSIVE MODE")
        catalog.execute("LOCK TABLE pg_catalog.pg_database IN ACCESS EXCLUSIVE MODE")
        answer = httpx.get(
            exporter.url + "/metrics", headers={"X-Prometheus-Scrape-Timeout-Seconds": "0.2"}
        )
        page = Page(answer.text)
        assert answer.status_code == 200
        assert page.value("migration_exporter_collector_success", collector="locks") == 0
    page = scrape_until(
        exporter,
        lambda page: set(page.values("migration_exporter_collector_success")) == {1},
        "all collectors answer again",
    )
    assert page.value("postgres_up") == 1


def test_the_other_pages(database: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(database)
    before = exporter.get("/readyz").json()
    scrape(exporter)

    assert exporter.get("/healthz").json() == {"status": "ok"}
    assert before == {"status": "ready", "server": "not scraped yet"}
    assert exporter.get("/readyz").json() == {"status": "ready", "server": "reached"}
    assert "/metrics" in exporter.get("/").text
    assert "unsafe" not in exporter.get("/").headers["content-security-policy"]
