"""What runs out without a sound: sequences, the shared lock table, the time since a backup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.database import Database
from testbed.postgres import Server
from testbed.waiting import wait_until
from tests.fixtures.exporters import StartExporter, scrape

_USED = "postgres_sequence_used_ratio"
_UNREADABLE = "postgres_sequences_unreadable"
_BACKUP = "postgres_base_backup_age_seconds"
_GRANTS = Path(__file__).parents[2] / "sql/grants.sql"


def _used(start_exporter: StartExporter, database: Database, name: str) -> list[float]:
    return scrape(start_exporter(database)).values(_USED, sequencename=name)


def test_a_sequence_ends_where_its_column_does(
    database: Database, start_exporter: StartExporter
) -> None:
    database.execute("CREATE TABLE quests (id int PRIMARY KEY, stage smallserial)")
    database.execute("CREATE SEQUENCE quests_id OWNED BY quests.id")
    database.execute("CREATE SEQUENCE falling INCREMENT -1 MINVALUE -10 MAXVALUE -1")
    database.execute("CREATE SEQUENCE ring MAXVALUE 10 CYCLE; SELECT setval('ring', 10)")
    database.execute("CREATE SEQUENCE unused")
    database.execute("SELECT setval('quests_id', 2147483647 / 2), setval('falling', -10)")
    assert _used(start_exporter, database, "quests_id") == [pytest.approx(0.5)]
    assert _used(start_exporter, database, "falling") == [1]
    for silent in ("ring", "unused", "quests_stage_seq"):
        assert _used(start_exporter, database, silent) == []


def test_the_most_used_sequences_are_shown(
    database: Database, start_exporter: StartExporter
) -> None:
    for number in range(1, 31):
        database.execute(f"CREATE SEQUENCE s{number} MAXVALUE 100; SELECT setval('s{number}', 30)")
    database.execute("SELECT setval('s17', 90)")
    page = scrape(start_exporter(database))
    assert page.value(_USED, sequencename="s17") == 0.9
    assert len(page.values(_USED)) == 20


def test_a_sequence_that_is_being_altered_is_not_waited_for(
    database: Database, start_exporter: StartExporter
) -> None:
    database.execute("CREATE SEQUENCE free MAXVALUE 10; SELECT setval('free', 5)")
    database.execute("CREATE SEQUENCE altered MAXVALUE 10; SELECT setval('altered', 5)")
    with database.connect() as migration, migration.transaction():
        migration.execute("ALTER SEQUENCE altered MAXVALUE 20")
        page = scrape(start_exporter(database))
    assert page.value("migration_exporter_collector_success", collector="sequences") == 1
    assert page.value(_USED, sequencename="free") == 0.5
    assert page.values(_USED, sequencename="altered") == []
    assert page.value(_UNREADABLE) == 1


def test_sequences_that_the_role_may_not_read_are_counted(
    database: Database, server: Server, start_exporter: StartExporter
) -> None:
    database.execute("CREATE SEQUENCE secret MAXVALUE 10; SELECT setval('secret', 9)")
    server.run_script(_GRANTS, database.name, exporter="sequence_reader")
    server.set_password("sequence_reader")
    page = scrape(start_exporter(database.as_user("sequence_reader")))
    assert page.value(_UNREADABLE) == 1
    assert page.values(_USED) == []


def test_locks_fill_the_lock_table(database: Database, start_exporter: StartExporter) -> None:
    few = scrape(start_exporter(database)).value("postgres_lock_table_entries")
    database.execute("CREATE TABLE quests (id int)")
    with database.connect() as migration, migration.transaction():
        for number in range(50):
            migration.execute(f"CREATE TABLE copy_{number} ()".encode())
        page = scrape(start_exporter(database))
    names = "max_locks_per_transaction", "max_connections"
    per_session, sessions = (int(database.value(f"SHOW {name}")) for name in names)
    assert page.value("postgres_lock_table_entries") >= few + 50
    assert page.value("postgres_lock_table_limit") > per_session * sessions


@pytest.fixture
def archiving(tuned_server: Server) -> Iterator[Server]:
    """A server whose archive works."""
    works = tuned_server.folder / "archive_works"
    is_new = not works.exists()
    works.touch()
    yield tuned_server
    if is_new:
        works.unlink()


@pytest.mark.pg(">= 15")
def test_the_age_of_the_newest_base_backup(
    archiving: Server, start_exporter: StartExporter
) -> None:
    """With the rights of pg_monitor alone; there is no age before the first backup."""
    archiving.create_role("backup_monitor")
    archiving.database().execute("GRANT pg_monitor TO backup_monitor")
    database = archiving.database().as_user("backup_monitor")
    assert scrape(start_exporter(database)).values(_BACKUP) == []
    with archiving.database().connect() as session:
        session.execute("SELECT pg_backup_start('nightly', fast => true)")
        session.execute("SELECT pg_backup_stop()")
    done = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.backup.done'"
    wait_until(lambda: database.value(done) == 1, 60, "its history file is archived")
    assert 0 <= scrape(start_exporter(database)).value(_BACKUP) < 60
