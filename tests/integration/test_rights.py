"""The exporter's role: a superuser is refused, and rights that it does not need are named."""

from __future__ import annotations

import subprocess
from pathlib import Path

from testbed.database import Database
from testbed.programs import exporter_command
from tests.fixtures.exporters import AS_SUPERUSER, StartExporter, scrape
from tests.fixtures.grants import ROLE


def check_config(
    database: Database, *options: str | Path, **conninfo: str
) -> subprocess.CompletedProcess[str]:
    command = [exporter_command(), "serve", "--check-config", *options]
    dsn = ("--dsn", database.conninfo(**conninfo))
    return subprocess.run([*command, *dsn], capture_output=True, text=True, check=False, timeout=60)


def test_a_superuser_is_refused(database: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(postgres={"dsn": database.conninfo(), "allow_superuser": False})
    page = scrape(exporter)
    assert page.value("postgres_up") == 0
    assert page.value("migration_exporter_superuser") == 1
    assert "role postgres is a superuser: " in exporter.process.output()
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
    assert database.value(sessions, ["pg-migration-exporter"]) == 0


def test_a_superuser_that_became_another_role_is_refused_too(
    database: Database, watcher: Database
) -> None:
    """Whatever runs in its sessions can become the superuser again."""
    refused = check_config(database, options=f"-c role={ROLE.replace(' ', chr(92) + ' ')}")
    assert refused.returncode == 2
    assert "role postgres is a superuser: " in refused.stderr
    assert "sql/grants.sql, or set postgres.allow_superuser" in refused.stderr


def test_a_superuser_that_is_allowed_is_said(
    database: Database, start_exporter: StartExporter
) -> None:
    assert scrape(start_exporter(database)).value("migration_exporter_superuser") == 1
    checked = check_config(database, *AS_SUPERUSER)
    assert checked.returncode == 0
    assert "warning: role postgres has more rights than it needs: SUPERUSER," in checked.stdout


def test_the_role_of_the_grants_has_no_right_too_many(
    database: Database, watcher: Database, start_exporter: StartExporter
) -> None:
    assert scrape(start_exporter(watcher)).value("migration_exporter_superuser") == 0
    assert "more rights" not in check_config(watcher).stdout


def test_every_right_too_many_is_named(database: Database, watcher: Database) -> None:
    role = '"' + ROLE.replace('"', '""') + '"'
    database.execute(
        f"ALTER ROLE {role} CREATEDB; GRANT pg_write_all_data, pg_execute_server_program TO {role};"
        f" CREATE TABLE quests (); CREATE TABLE own (); ALTER TABLE own OWNER TO {role}"
    )
    [line] = [line for line in check_config(watcher).stdout.splitlines() if "more rights" in line]
    for right in (
        "CREATEDB",
        "member of pg_write_all_data",
        "member of pg_execute_server_program",
        "tables, such as ",
        "owns 1 tables, such as public.own",
    ):
        assert right in line
    assert "SUPERUSER" not in line
    database.execute(
        f"ALTER ROLE {role} NOCREATEDB;"
        f" REVOKE pg_write_all_data, pg_execute_server_program FROM {role}"
    )


def test_a_collector_that_gets_no_answer_is_named(database: Database, watcher: Database) -> None:
    """What no grant is known for, such as a column that a new release renames, is told as well."""
    assert check_config(watcher).returncode == 0
    database.execute("REVOKE SELECT ON pg_stat_slru FROM PUBLIC")
    checked = check_config(watcher)
    assert checked.returncode == 2
    assert "slru: permission denied for view pg_stat_slru" in checked.stderr
    [works] = [line for line in checked.stderr.splitlines() if line.startswith("what works: ")]
    assert "slru" not in works


def test_a_collector_without_an_answer_now_is_a_warning(
    database: Database, watcher: Database
) -> None:
    with database.connect() as holder:
        holder.execute("BEGIN; LOCK pg_stat_slru IN ACCESS EXCLUSIVE MODE")
        checked = check_config(watcher)
    assert checked.returncode == 0
    assert "warning: collector slru has no answer now: " in checked.stdout
