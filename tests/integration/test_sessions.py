"""Processes, what they wait for, and the TLS of their connections."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from psycopg.pq import ConnStatus, PGconn

from testbed.database import Database
from testbed.postgres import Server
from tests.fixtures.exporters import StartExporter, scrape, scrape_until

_TLS = "postgres_tls_connections"


def test_a_wait_is_named(database: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(database)
    sleeping = {"backend_type": "client backend", "wait_event": "PgSleep"}
    with ThreadPoolExecutor(1) as thread:
        thread.submit(database.execute, "SELECT pg_sleep(600)")
        page = scrape_until(
            exporter, lambda page: page.values("postgres_processes", **sleeping), "it is seen"
        )
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        )
    assert page.value("postgres_processes", **sleeping, wait_event_type="Timeout") == 1
    assert page.value("postgres_processes", backend_type="checkpointer") == 1


def test_connections_by_tls_version(tuned_server: Server, start_exporter: StartExporter) -> None:
    database = tuned_server.database()
    exporter = start_exporter(database)
    calm = scrape(exporter)
    assert calm.value(_TLS, version="none") == 0  # the exporter's own are encrypted
    with ExitStack() as stack:
        for options in (
            {"sslmode": "require", "ssl_max_protocol_version": "TLSv1.2"},
            {"sslmode": "disable"},
            {"sslmode": "disable"},
        ):
            stack.enter_context(database.connect(**options))
        # Crosses no network. psycopg itself would look for a host of that name.
        local = PGconn.connect(database.conninfo(host=f"@{database.port}").encode())
        stack.callback(local.finish)
        assert local.status == ConnStatus.OK, local.error_message
        page = scrape(exporter)
    assert page.value(_TLS, version="TLSv1.2") == 1
    assert page.value(_TLS, version="loopback") == 2
    assert page.value(_TLS, version="none") == 0


def test_without_tls_all_are_of_the_loopback_interface(
    database: Database, start_exporter: StartExporter
) -> None:
    page = scrape(start_exporter(database))
    assert page.value(_TLS, version="none") == 0
    assert page.value(_TLS, version="loopback") >= 1
    assert {sample.labels["version"] for sample in page.families[_TLS].samples} == {
        "none",
        "loopback",
    }
