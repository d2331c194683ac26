"""PostgreSQL through PgBouncer in transaction mode: what must work, and what is reported."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest

from pg_migration_exporter.postgres.pooler import WARNING
from testbed.database import Database
from testbed.pgbouncer import PgBouncer
from testbed.postgres import Server
from testbed.programs import exporter_command
from testbed.workspace import Workspace
from tests.fixtures.exporters import AS_SUPERUSER, StartExporter, scrape, scrape_until
from tests.fixtures.sessions import session_of


@pytest.fixture(scope="module")
def pooler(workspace: Workspace, server: Server) -> Iterator[PgBouncer]:
    """Lets in who has `options`, and forgets them."""
    with PgBouncer(workspace, server, {"default_pool_size": "4"}, name="pooled") as bouncer:
        yield bouncer


def test_every_collector_answers_while_sessions_change(
    pooler: PgBouncer, database: Database, start_exporter: StartExporter
) -> None:
    """Clients take the server's sessions in turn, so that the exporter's statements move."""
    pooled = pooler.database(database.name)
    exporter = start_exporter(pooled, statements={"interval": "100ms"})
    page = scrape(exporter)
    assert page.value("migration_exporter_connection_pooled") == 1
    for held in range(4):
        with ExitStack() as stack:
            for _ in range(held):
                client = stack.enter_context(closing(pooled.connect()))
                client.execute("BEGIN")
            for _ in range(3):
                page = scrape(exporter)
                values = page.values("migration_exporter_collector_success")
                assert values == [1] * len(values)
                assert page.value("postgres_up") == 1
    database.execute("SELECT pg_sleep(0.01)")
    scrape_until(
        exporter,
        lambda page: (
            page.values("postgres_query_duration_seconds_count", datname=database.name) > [0]
        ),
        "the watcher samples",
    )
    log = exporter.process.tail()
    assert "through a connection pooler" in log
    assert " failed: " not in log


def test_a_direct_connection_is_said_to_be_one(
    database: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(database)
    assert scrape(exporter).value("migration_exporter_connection_pooled") == 0
    assert "pooler" not in exporter.process.tail()


@pytest.mark.parametrize("ignored", ["extra_float_digits", "extra_float_digits,options"])
def test_statements_are_bounded_and_leave_nothing_behind(
    workspace: Workspace, server: Server, database: Database, ignored: str
) -> None:
    """Whether PgBouncer refuses `options` or forgets them; its one server session is shared."""
    own = {"ignore_startup_parameters": ignored, "default_pool_size": "1"}
    with PgBouncer(workspace, server, own, name=f"strict_{database.name}") as bouncer:
        pooled = bouncer.database(database.name)

        async def run() -> None:
            session = await session_of(pooled)
            assert session.is_pooled
            names = ("statement_timeout", "lock_timeout", "transaction_read_only", "search_path")
            shown = ", ".join(f"current_setting('{name}')" for name in names)
            several = await asyncio.gather(*(session.query(f"select {shown}") for _ in range(5)))
            assert [result.rows for result in several] == [
                [("3s", "100ms", "on", "pg_catalog,pg_temp")]
            ] * 5
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                await session.query("create table public.t ()")
            answers = [
                asyncio.create_task(session.query(sql, values))
                for sql, values in (("select 1", ()), ("select 1/0", ()), ("select $1::text", "x"))
            ]
            await asyncio.wait(answers)
            assert isinstance(answers[1].exception(), psycopg.errors.DivisionByZero)
            assert [answers[0].result().rows, answers[2].result().rows] == [[(1,)], [("x",)]]
            await session.close()

        asyncio.run(run())
        assert pooled.value("SHOW statement_timeout") == "0"
        assert pooled.value("SHOW transaction_read_only") == "off"
        pooled.execute("CREATE TABLE t ()")


def check_config(database: Database) -> subprocess.CompletedProcess[str]:
    command = [
        str(exporter_command()),
        "serve",
        *AS_SUPERUSER,
        "--check-config",
        "--dsn",
        database.conninfo(),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_check_config_says_what_cannot_be_known(pooler: PgBouncer, database: Database) -> None:
    checked = check_config(pooler.database(database.name))
    assert checked.returncode == 0, checked.stderr
    works, warning, rights = checked.stdout.splitlines()
    assert "more rights than it needs: SUPERUSER" in rights
    assert "all works: server, " in works
    assert warning == f"warning: {WARNING}"
    for unknown in ("waits with the application", "another server", "address of clients"):
        assert unknown in warning
    assert WARNING not in check_config(database).stdout


def test_check_config_says_it_also_beside_what_is_missing(
    pooler: PgBouncer, database: Database
) -> None:
    database.execute("DROP EXTENSION pg_stat_statements")
    refused = check_config(pooler.database(database.name))
    assert refused.returncode == 2
    assert "query_duration cannot run: " in refused.stderr
    assert f"\nwarning: {WARNING}\n" in refused.stderr


def test_check_config_does_not_hang_in_a_pool_that_is_used_up(
    workspace: Workspace, server: Server, database: Database
) -> None:
    own = {"default_pool_size": "1"}
    with PgBouncer(workspace, server, own, name=f"used_up_{database.name}") as bouncer:
        pooled = bouncer.database(database.name)
        with closing(pooled.connect()) as client:
            client.execute("BEGIN")
            refused = check_config(pooled)
    assert refused.returncode == 2
    assert "the server cannot be reached: 127.0.0.1:" in refused.stderr
    assert "no answer in " in refused.stderr


def test_a_statement_that_takes_too_long_is_ended(pooler: PgBouncer, database: Database) -> None:
    async def run() -> None:
        session = await session_of(pooler.database(database.name), statement_timeout=0.2)
        with pytest.raises(psycopg.errors.QueryCanceled):
            await session.query("select pg_sleep(600)")
        assert (await session.query("select 1")).rows == [(1,)]
        await session.close()

    asyncio.run(run())
