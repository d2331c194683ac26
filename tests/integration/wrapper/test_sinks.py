"""The ways of a report: a table with least rights, HTTP with a token, and what bars each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar, NamedTuple

import psycopg
import pytest

from pg_migration_exporter.liquibase.reports import table as report_table
from pg_migration_exporter.liquibase.reports.directory import ReportDirectory
from pg_migration_exporter.liquibase.reports.report import Outcome, Report
from pg_migration_exporter.postgres.rows import Rows
from testbed.database import Database
from testbed.liquibase import Liquibase
from testbed.ports import free_port
from tests.fixtures.exporters import StartExporter
from tests.fixtures.reports import make_report
from tests.fixtures.wrapper import MakeWrapper, command_line

MakeLiquibase = Callable[..., Liquibase]
HISTORY = "public.databasechangelog"
TOKEN = "0123456789abcdef"


class Roles(NamedTuple):
    """The database, as each of the two roles."""

    migrator: Database
    exporter: Database


@pytest.fixture
def roles(database: Database) -> Iterator[Roles]:
    names = ('quest "migrator"', 'quest "reader"')
    quoted = ['"{}"'.format(name.replace('"', '""')) for name in names]
    for role in quoted:
        database.execute(f"CREATE ROLE {role} LOGIN PASSWORD 's3cret'")
    database.execute(f"GRANT CREATE ON SCHEMA public TO {quoted[0]}")
    yield Roles(*(replace(database, user=name, password="s3cret") for name in names))
    for role in quoted:
        database.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def create_table(dsn: str, roles: Roles, *options: str) -> tuple[int, str, str]:
    done = command_line(
        *("reports", "create-table", "--dsn", dsn),
        *("--migrator", roles.migrator.user, "--exporter", roles.exporter.user, *options),
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def table(database: Database, roles: Roles) -> Roles:
    """The table, made and granted."""
    made = (0, "migration_exporter.report exists, and its rights are granted\n", "")
    for _ in range(2):  # it can be run again
        assert create_table(database.conninfo(), roles) == made
    return roles


def read(database: Database, since: float = 0) -> list[Report]:
    """Read as the exporter does."""
    with database.connect() as connection, psycopg.RawCursor(connection) as cursor:
        sql = report_table.READ.for_version(140000).format(table=report_table.TABLE)
        cursor.execute(sql.encode(), [str(since)])
        return list(report_table.read_reports(Rows((), cursor.fetchall())))


def test_the_table_is_written_with_liquibase_s_own_connection(
    table: Roles, liquibase: MakeLiquibase, make_wrapper: MakeWrapper
) -> None:
    as_migrator = replace(liquibase("t/case.sql"), database=table.migrator)
    done = make_wrapper(table=True).migrate(as_migrator, "update")
    assert done.returncode == 0, done.stderr
    assert b"pg-migration-exporter:" not in done.stderr

    [report] = read(table.exporter)
    assert report.outcome is Outcome.SUCCEEDED
    assert len(report.changesets) == 1
    assert report.is_about(table.exporter.name, HISTORY)
    assert read(table.exporter, since=report.updated + 60) == []


def test_each_role_has_the_rights_it_needs_and_no_others(table: Roles) -> None:
    report = make_report()
    for _ in range(2):
        table.migrator.execute(report_table.WRITE, report_table.write_parameters(report))
    assert [found.run_id for found in read(table.exporter)] == [report.run_id]

    forbidden = {
        table.migrator.user: [
            "SELECT report FROM {}",
            "DELETE FROM {}",
            "UPDATE {} SET run_id=NULL",
        ],
        table.exporter.user: ["DELETE FROM {}", "INSERT INTO {} DEFAULT VALUES", "TRUNCATE {}"],
    }
    for role in table:
        for statement in forbidden[role.user]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                role.execute(statement.format(report_table.TABLE))


def test_rows_that_are_no_reports_are_left_out(table: Roles, database: Database) -> None:
    elsewhere = make_report(target={"database": "the pooler's name"})
    for content in (elsewhere.model_dump_json(), "{}", "[1]", '{"format": 2}'):
        parameters = {"run_id": make_report().run_id, "started": 0, "report": content}
        table.migrator.execute(report_table.WRITE, parameters)
    assert [found.target.database for found in read(table.exporter)] == [database.name]


def test_rows_from_the_future_hide_no_others(table: Roles) -> None:
    """Their writer may set `updated`."""
    for _ in range(101):
        parameters = report_table.write_parameters(make_report())
        table.migrator.execute(report_table.WRITE, parameters)
    update = f"UPDATE {report_table.TABLE} SET updated = '9999-01-01' WHERE run_id = %s"
    future = read(table.exporter)
    assert len(future) == 100
    for report in future:
        table.migrator.execute(update, (report.run_id,))
    later = make_report(started=4e9, updated=4e9)
    table.migrator.execute(report_table.WRITE, report_table.write_parameters(later))
    found = read(table.exporter)
    assert len(found) == 2
    assert {report.run_id for report in found} >= {later.run_id}
    assert max(report.updated for report in found) < time.time() + 120


def test_the_sql_can_be_printed_and_run_by_others(roles: Roles, database: Database) -> None:
    code, sql, errors = create_table("host=nowhere.invalid", roles, "--print")
    assert (code, errors) == (0, "")
    assert database.value("SELECT to_regclass('migration_exporter.report')") is None
    database.execute(sql)
    assert read(roles.exporter) == []


def test_a_schema_of_somebody_else_is_not_used(roles: Roles, database: Database) -> None:
    """Its owner could add a trigger, which would run with the rights of the role that migrates."""
    owner = roles.exporter.user.replace('"', '""')
    database.execute(f'CREATE SCHEMA migration_exporter AUTHORIZATION "{owner}"')
    code, _, errors = create_table(database.conninfo(), roles)
    assert code == 2
    assert (
        "the table migration_exporter.report is there and is in a schema of "
        f"{roles.exporter.user}\nHINT:  Somebody else has made it: drop it, or" in errors
    )
    assert database.value("SELECT to_regclass('migration_exporter.report')") is None


def test_why_the_table_was_not_made(roles: Roles, database: Database) -> None:
    code, _, errors = create_table(roles.migrator.conninfo(), roles)
    assert code == 2
    assert "the table was not created: permission denied for database" in errors
    unknown = roles._replace(migrator=replace(database, user="nobody"))
    code, _, errors = create_table(database.conninfo(), unknown)
    assert code == 2
    assert 'the table was not created: role "nobody" does not exist' in errors
    assert database.value("SELECT to_regclass('migration_exporter.report')") is None


def test_a_missing_table_costs_one_line(
    liquibase: MakeLiquibase, make_wrapper: MakeWrapper
) -> None:
    done = make_wrapper(table=True).migrate(liquibase("t/case.sql"), "update")
    assert done.returncode == 0
    lines = done.stderr.decode().splitlines()
    assert [line for line in lines if line.startswith("pg-migration-exporter:")] == [
        "pg-migration-exporter: the end of this run was not reported to table "
        'migration_exporter.report: schema "migration_exporter" does not exist: '
        "`pg-migration-exporter reports create-table` creates the table and grants it"
    ]


def test_an_unreachable_database_for_the_report_costs_one_line(
    database: Database, make_wrapper: MakeWrapper
) -> None:
    dsn = f"postgresql://migrator:s3cret@127.0.0.1:{free_port()}/quests"
    done = make_wrapper(table=True, dsn=dsn).run("sh", "-c", "exit 3")
    assert done.returncode == 3
    [line] = done.stderr.decode().splitlines()
    assert "Connection refused" in line
    assert "s3cret" not in line


def test_a_dsn_that_cannot_be_read_is_not_repeated(make_wrapper: MakeWrapper) -> None:
    done = make_wrapper(table=True, dsn="password=s3cret nonsense").run("true")
    assert done.returncode == 0
    [line] = done.stderr.splitlines()
    assert line.startswith(
        b"pg-migration-exporter: the end of this run was not reported to table "
        b"migration_exporter.report: reports.dsn: not a libpq connection string; write "
    )
    assert b"s3cret" not in line


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    return file


def test_http_with_the_token(
    database: Database,
    make_wrapper: MakeWrapper,
    start_exporter: StartExporter,
    token_file: Path,
) -> None:
    endpoint = {"token_file": str(token_file)}
    exporter = start_exporter(database, reports={"endpoint": endpoint})
    wrapper = make_wrapper(endpoint={"url": exporter.url, **endpoint})
    done = wrapper.run("sh", "-c", "exit 3")
    assert (done.returncode, done.stderr) == (3, b"")
    [report] = ReportDirectory(exporter.folder / "reports").read()
    assert (report.exit_code, report.outcome) == (3, Outcome.FAILED)


def test_http_with_a_wrong_token(
    database: Database,
    make_wrapper: MakeWrapper,
    start_exporter: StartExporter,
    token_file: Path,
) -> None:
    exporter = start_exporter(database, reports={"endpoint": {"token_file": str(token_file)}})
    wrapper = make_wrapper(endpoint={"url": f"{exporter.url}/"})
    environment = {"PG_MIGRATION_EXPORTER_TOKEN": "quite-another-token"}
    done = wrapper.run("sh", "-c", "exit 3", environment=environment)
    assert done.returncode == 3
    assert done.stderr.decode() == (
        f"pg-migration-exporter: the end of this run was not reported to {exporter.url}/: "
        "status 401 Unauthorized\n"
    )
    assert not (exporter.folder / "reports").exists()


class Redirecting(BaseHTTPRequestHandler):
    """Sends every request on to another path, and notes what it was shown."""

    shown: ClassVar[list[tuple[str, str | None]]] = []

    def do_POST(self) -> None:
        self.shown.append((self.path, self.headers["Authorization"]))
        self.send_response(307)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Be silent."""


def test_a_redirect_does_not_get_the_token(make_wrapper: MakeWrapper, token_file: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), Redirecting) as server, ThreadPoolExecutor(1) as thread:
        thread.submit(server.serve_forever)
        url = f"http://127.0.0.1:{server.server_port}/prefix"
        done = make_wrapper(endpoint={"url": url, "token_file": str(token_file)}).run("true")
        server.shutdown()
    assert b"status 307 Temporary Redirect" in done.stderr
    assert set(Redirecting.shown) == {("/prefix/api/v1/reports", f"Bearer {TOKEN}")}
