"""More of anything than a target may show: the page stays small, and says what is missing."""

from __future__ import annotations

import subprocess
from typing import Any

import httpx

from testbed.database import Database
from testbed.programs import exporter_command
from tests.fixtures.exporters import StartExporter, has_series, scrape, scrape_until

_LEFT_OUT = "migration_exporter_left_out"
_SUCCESS = "migration_exporter_collector_success"


def test_rows_of_custom_metrics(database: Database, start_exporter: StartExporter) -> None:
    many = "select n as quest, n as {0} from generate_series(1, 300000) as n"
    gauge = {"type": "gauge", "help": "Quests.", "labels": ["quest"]}
    histogram: dict[str, Any] = {"type": "histogram", "help": "Quests.", "buckets": [1]}
    exporter = start_exporter(
        database,
        custom_metrics=[
            {"name": "quests", "sql": many.format("quests"), "metrics": {"quests": gauge}},
            {"name": "sizes", "sql": many.format("sizes"), "metrics": {"sizes": histogram}},
        ],
    )
    page = scrape(exporter)
    assert len(page.values("quests")) == 2000
    assert page.value(_LEFT_OUT, datname=database.name, what="custom_rows") == 298_000
    assert page.values("sizes_count") == []  # a part of the rows is no histogram
    assert page.value(_SUCCESS, collector="custom_sizes") == 0
    assert httpx.get(f"{exporter.url}/healthz").status_code == 200


HISTORY = """
CREATE TABLE {0}databasechangelog (
  id varchar NOT NULL, author varchar NOT NULL, filename varchar NOT NULL,
  dateexecuted timestamp NOT NULL, orderexecuted int, exectype varchar(10) NOT NULL,
  md5sum varchar(35), description varchar(255), comments varchar(255), tag varchar,
  liquibase varchar(20), contexts varchar(255), labels varchar(255), deployment_id varchar(10));
CREATE TABLE {0}databasechangeloglock (
  id int NOT NULL PRIMARY KEY, locked bool NOT NULL, lockgranted timestamp, lockedby varchar);
INSERT INTO {0}databasechangeloglock VALUES (1, false, null, null);
"""
ROWS = """
INSERT INTO {0}databasechangelog (id, author, filename, dateexecuted, orderexecuted, exectype, tag)
SELECT {1}, 'me', 'db.xml', now(), n, 'EXECUTED', {2} FROM generate_series(1, {3}) n
"""


def test_long_values_of_a_history(database: Database, start_exporter: StartExporter) -> None:
    database.execute(HISTORY.format(""))
    long = "repeat('i', 20000000)"
    database.execute(ROWS.format("", f"n || {long}", f"n || {long}", 4))
    page = scrape(start_exporter(database))
    assert page.value("liquibase_changesets_applied") == 4
    assert page.value("liquibase_tag_present", tag="4" + 253 * "i" + "…") == 1
    assert page.value("process_resident_memory_bytes") < 160 * 2**20


def test_changesets_and_tags(database: Database, start_exporter: StartExporter) -> None:
    """Read in parts; the latest tags are shown; what does not fit says so and costs no other."""
    for schema, rows in (("", 7000), ("other.", 9000)):
        database.execute("CREATE SCHEMA IF NOT EXISTS other")
        database.execute(HISTORY.format(schema))
        database.execute(ROWS.format(schema, "n", "n", rows))
    exporter = start_exporter(database, limits={"changesets": 10_000, "tags": 3})
    page = scrape(exporter)
    applied = {
        sample.labels["changelog"]: sample.value
        for sample in page.samples
        if sample.name == "liquibase_changesets_applied"
    }
    [(read, number)] = applied.items()
    tags = [sample for sample in page.samples if sample.name == "liquibase_tag_present"]
    assert [sample.labels["tag"] for sample in tags] == [str(int(number) - n) for n in (2, 1, 0)]
    assert page.value(_LEFT_OUT, what="tags") == number - 3
    assert page.value(_LEFT_OUT, what="changesets") == 1
    [other] = {"public.databasechangelog", "other.databasechangelog"} - {read}
    assert page.status(other) == "unknown"
    assert page.value(_SUCCESS, collector="liquibase") == 1


def test_a_hundred_thousand_changesets(database: Database, start_exporter: StartExporter) -> None:
    database.execute(HISTORY.format(""))
    name = "'db/changelog/of/a/long/life/change-' || n"
    database.execute(ROWS.format("", name, "null", 100_000))
    exporter = start_exporter(database)
    page = scrape_until(
        exporter, has_series("liquibase_changesets_applied"), "the history to be read"
    )
    assert page.value("liquibase_changesets_applied") == 100_000
    assert page.value("process_resident_memory_bytes") < 128 * 2**20


def test_look_alike_histories(database: Database, start_exporter: StartExporter) -> None:
    """The oldest histories are shown, so that nobody can hide them."""
    database.execute(HISTORY.format(""))
    database.execute(ROWS.format("", "n", "null", 1))
    with database.connect() as connection, connection.transaction():
        for number in range(300):
            connection.execute(f"CREATE SCHEMA s{number}")
            connection.execute(HISTORY.format(f"s{number}."))
    exporter = start_exporter(database, limits={"histories": 20})
    page = scrape(exporter)
    assert page.value(_LEFT_OUT, datname=database.name, what="histories") == 281
    assert page.value("liquibase_changesets_applied", changelog="public.databasechangelog") == 1
    because = {"reason": "MigrationExporterLeftOut", "verdict": "hold"}
    assert page.value("migration_verdict_reason", datname=database.name, **because) == 1
    assert page.value("migration_verdict", datname=database.name, verdict="go") == 0
    checked = subprocess.run(
        [exporter_command(), "serve", "--check-config", "--config", exporter.config],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "warning: limits.histories leaves out 281 or more" in checked.stdout
    [status] = exporter.api("/api/v1/status")["targets"]
    [answer] = [item for item in status["answers"] if item["question"].startswith("Can this")]
    assert "281 histories" in answer["detail"]
    states = [sample for sample in page.samples if sample.name == "liquibase_migration_status"]
    assert len({sample.labels["changelog"] for sample in states}) == 20


def test_databases_roles_sessions_and_slots(
    database: Database, start_exporter: StartExporter
) -> None:
    roles = [f"limited_{database.name}_{number}" for number in range(4)]
    slots = [f"slot_{number}" for number in range(3)]
    for role in roles:
        database.execute(f"CREATE ROLE {role} CONNECTION LIMIT 1 LOGIN")
    for slot in slots:
        database.execute("SELECT pg_create_physical_replication_slot(%s)", [slot])
    try:
        exporter = start_exporter(
            database, limits={"databases": 2, "roles": 1, "sessions": 1, "slots": 1}
        )
        with database.connect():
            page = scrape(exporter)
        total = database.value("SELECT count(*) FROM pg_database")
    finally:
        for slot in slots:
            database.execute("SELECT pg_drop_replication_slot(%s)", [slot])
        for role in roles:
            database.execute(f"DROP ROLE {role}")
    ages = [
        sample.labels["datname"]
        for sample in page.samples
        if sample.name == "postgres_database_frozen_xid_age"
    ]
    # The one that the exporter is connected to, and the oldest.
    assert sorted(ages) == sorted([database.name, "template1"])
    assert page.value(_LEFT_OUT, what="databases") == total - 2
    assert page.value(_LEFT_OUT, what="roles") >= 3
    assert page.value(_LEFT_OUT, what="sessions") >= 1
    assert page.value(_LEFT_OUT, what="slots") == 2
    assert len(page.values("postgres_connection_pool_limit", pool_type="role")) == 1
    assert len(page.values("postgres_connections")) == 1
    assert len(page.values("postgres_replication_slot_active")) == 1
    assert len(page.values("postgres_transaction_oldest_seconds")) == 1
    assert set(page.values(_SUCCESS)) == {1}
