"""Settings, the exporter's own role, and extensions."""

from __future__ import annotations

import pytest

from testbed.database import Database
from testbed.postgres import Server
from testbed.waiting import wait_until
from tests.fixtures.exporters import Page, StartExporter, scrape

_INFO = "postgres_setting_info"


def texts(page: Page) -> dict[str, str]:
    return {
        sample.labels["name"]: sample.labels["value"] for sample in page.families[_INFO].samples
    }


def test_values_are_in_base_units(tuned_server: Server, start_exporter: StartExporter) -> None:
    page = scrape(start_exporter(tuned_server.database()))
    for name, value in {
        "shared_buffers": 32 * 2**20,
        "work_mem": 4 * 2**20,
        "wal_segment_size": 16 * 2**20,
        "max_wal_size": 2**30,
        "deadlock_timeout": 1,
        "checkpoint_timeout": 300,
        "wal_writer_delay": 0.2,
        "autovacuum_work_mem": -1,
        "log_rotation_age": 86400,
        "max_connections": 100,
        "ssl": 1,
        "autovacuum": 0,
    }.items():
        assert page.value("postgres_setting", name=name) == value, name
    shown = texts(page)
    assert shown["archive_mode"] == "on"
    assert shown["wal_level"] == "logical"
    assert shown["log_statement"] == "none"
    assert shown["shared_preload_libraries"] == "pg_stat_statements"


def test_what_is_only_the_sessions_or_a_secret_is_absent(
    tuned_server: Server, start_exporter: StartExporter
) -> None:
    page = scrape(start_exporter(tuned_server.database()))
    for name in ("statement_timeout", "lock_timeout", "default_transaction_read_only"):
        assert page.values("postgres_setting", name=name) == []
    assert not {"archive_command", "primary_conninfo", "ssl_key_file"} & set(texts(page))
    assert str(tuned_server.folder) not in page.text


def test_a_change_that_waits_for_a_restart(
    tuned_server: Server, start_exporter: StartExporter
) -> None:
    database = tuned_server.database()

    def pending() -> float:
        return scrape(start_exporter(database)).value("postgres_settings_pending_restart")

    assert pending() == 0
    database.execute("ALTER SYSTEM SET max_connections = 101")
    database.execute("SELECT pg_reload_conf()")
    waiting = "SELECT count(*) FROM pg_settings WHERE pending_restart"
    try:
        wait_until(lambda: database.value(waiting) == 1, 60, "the configuration is reloaded")
        assert pending() == 1
    finally:
        database.execute("ALTER SYSTEM RESET max_connections")
        database.execute("SELECT pg_reload_conf()")


def test_privileges_of_the_exporters_role(
    server: Server, database: Database, start_exporter: StartExporter
) -> None:
    def has(page: Page, privilege: str) -> float:
        return page.value("migration_exporter_role_privilege", privilege=privilege)

    page = scrape(start_exporter(database))
    assert has(page, "superuser") == 1
    assert page.values("migration_exporter_role_connection_limit") == []
    assert page.values("migration_exporter_role_valid_until_seconds") == []

    server.create_role("limited")
    database.execute("GRANT pg_monitor TO limited")
    database.execute("ALTER ROLE limited CONNECTION LIMIT 4 VALID UNTIL 'tomorrow'")
    try:
        page = scrape(start_exporter(database.as_user("limited")))
        assert (has(page, "superuser"), has(page, "pg_monitor")) == (0, 1)
        assert page.value("migration_exporter_role_connection_limit") == 4
        assert 0 < page.value("migration_exporter_role_valid_until_seconds") <= 86400
    finally:
        server.database().execute("DROP ROLE limited")


@pytest.mark.parametrize(("version", "update"), [("", 0), (" VERSION '1.9'", 1)])
def test_extensions(
    database: Database, start_exporter: StartExporter, version: str, update: int
) -> None:
    database.execute("DROP EXTENSION pg_stat_statements")
    database.execute(f"CREATE EXTENSION pg_stat_statements{version}")
    names = {"datname": database.name, "extname": "pg_stat_statements"}
    installed = "SELECT extversion FROM pg_extension WHERE extname = 'pg_stat_statements'"
    page = scrape(start_exporter(database))
    assert page.value("postgres_extension_info", version=database.value(installed), **names) == 1
    assert page.value("postgres_extension_update_available", **names) == update
