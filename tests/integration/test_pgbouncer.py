"""PgBouncer's own numbers, from a real one whose clients wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest

from testbed.database import Database
from testbed.exporter import Exporter
from testbed.pgbouncer import PgBouncer
from testbed.postgres import Server
from testbed.workspace import Workspace
from tests.fixtures.exporters import Page, StartExporter, scrape, scrape_until

_SIZE = 2
_WAITING = 3


@contextmanager
def pooler(
    workspace: Workspace, server: Server, database: Database, name: str, **settings: str
) -> Iterator[PgBouncer]:
    own = {"default_pool_size": str(_SIZE), "max_client_conn": "20", "max_db_connections": "4"}
    with PgBouncer(workspace, server, own | settings, name=f"{name}_{database.name}") as bouncer:
        yield bouncer


def start(
    start_exporter: StartExporter, database: Database, bouncer: PgBouncer, **config: Any
) -> Exporter:
    console = bouncer.database("pgbouncer").conninfo()
    return start_exporter(database, pgbouncer={"dsn": console, "timeout": "5s"}, **config)


@contextmanager
def busy(database: Database) -> Iterator[None]:
    """Every server connection of the pool is in use, and some clients wait for one."""
    with ExitStack() as stack:
        for _ in range(_SIZE + _WAITING):
            client = stack.enter_context(closing(database.connect()))
            client.pgconn.send_query(b"SELECT pg_sleep(3600)")
        yield


def pool_use(page: Page, pool: str) -> list[float]:
    return page.values("postgres_connection_pool_utilization", pool_type="pgbouncer", pool=pool)


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_clients_that_wait(
    workspace: Workspace,
    server: Server,
    database: Database,
    start_exporter: StartExporter,
    mode: str,
) -> None:
    name = database.name
    with pooler(workspace, server, database, mode, pool_mode=mode) as bouncer:
        exporter = start(start_exporter, database, bouncer)
        with busy(bouncer.database(name)):
            page = scrape_until(
                exporter,
                lambda page: (
                    page.values("pgbouncer_pools_client_waiting_connections", database=name)
                    == [_WAITING]
                ),
                "clients wait",
            )
        labels = {"database": name, "user": "postgres"}
        assert page.value("pgbouncer_up") == 1
        assert page.value("pgbouncer_pools_server_active_connections", **labels) == _SIZE
        assert page.value("pgbouncer_pools_client_active_connections", **labels) == _SIZE
        assert pool_use(page, f"pool_size {name}/postgres") == [1]
        assert pool_use(page, f"max_db_connections {name}") == [_SIZE / 4]
        # The exporter's own console connection is a client too.
        assert pool_use(page, "max_client_conn") == [(_SIZE + _WAITING + 1) / 20]
        assert page.value("pgbouncer_databases_pool_size", database=name) == _SIZE
        assert page.value("pgbouncer_config_max_client_connections") == 20
        assert page.value("pgbouncer_version_info") == 1
        assert page.value("pgbouncer_used_clients") == _SIZE + _WAITING + 1
        # SHOW DATABASES leaves out an automatic database as soon as it has no client any more.
        with closing(bouncer.database(name).connect()):
            longer = scrape_until(
                exporter,
                lambda page: (
                    page.values("pgbouncer_pools_client_waiting_connections", database=name) == [0]
                    and pool_use(page, f"pool_size {name}/postgres") == [0]
                ),
                "nobody waits and nobody is served",
            )
        assert longer.value("pgbouncer_stats_totals_client_wait_seconds_total", database=name) >= 0


def test_one_that_dies_costs_its_own_families_alone(
    workspace: Workspace, server: Server, database: Database, start_exporter: StartExporter
) -> None:
    with pooler(workspace, server, database, "dying") as bouncer:
        exporter = start(start_exporter, database, bouncer)
        assert scrape(exporter).value("pgbouncer_up") == 1
        bouncer.stop()
        page = scrape(exporter)
        assert page.value("pgbouncer_up") == 0
        assert [sample.name for sample in page.samples if sample.name.startswith("pgbouncer_")] == [
            "pgbouncer_up"
        ]
        assert page.values("postgres_connection_pool_utilization", pool_type="server")
        assert page.value("postgres_up") == 1
        assert "pgbouncer console failed" in exporter.process.tail()
        bouncer.start()
        scrape_until(exporter, lambda page: page.value("pgbouncer_up") == 1, "PgBouncer is back")
        assert "pgbouncer console works again" in exporter.process.tail()


def test_one_that_hangs_costs_its_timeout_alone(
    workspace: Workspace, server: Server, database: Database, start_exporter: StartExporter
) -> None:
    with pooler(workspace, server, database, "hanging") as bouncer:
        console = bouncer.database("pgbouncer").conninfo()
        exporter = start_exporter(database, pgbouncer={"dsn": console, "timeout": "1s"})
        scrape_until(exporter, lambda page: page.value("pgbouncer_up") == 1, "an answer")
        bouncer.process.freeze()
        try:
            page = scrape(exporter)
        finally:
            bouncer.process.thaw()
        assert page.value("pgbouncer_up") == 0
        assert page.value("migration_exporter_collector_success", collector="connections") == 1
        assert page.values("postgres_connections")
        scrape_until(exporter, lambda page: page.value("pgbouncer_up") == 1, "an answer again")


def test_a_wrong_password_is_said_without_it(
    workspace: Workspace, server: Server, database: Database, start_exporter: StartExporter
) -> None:
    with pooler(workspace, server, database, "secret") as bouncer:
        dsn = bouncer.database("pgbouncer").conninfo(password="not-the-secret")
        exporter = start_exporter(database, pgbouncer={"dsn": dsn})
        page = scrape_until(exporter, lambda page: page.values("pgbouncer_up"), "an answer")
        assert page.value("pgbouncer_up") == 0
        assert "not-the-secret" not in exporter.process.tail() + page.text


def test_where_it_is_not_configured_nothing_is_said_of_it(
    database: Database, start_exporter: StartExporter
) -> None:
    assert "pgbouncer" not in scrape(start_exporter(database)).text
