"""The network between exporter and server, and the clients that scrape."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

from testbed.database import Database
from tests.fixtures.drills import StartDrill, is_whole
from tests.fixtures.exporters import scrape
from tests.fixtures.proxy import proxy


def test_slow(database: Database, drill: StartDrill) -> None:
    """The first scrape, which connects, and all others answer whole."""
    with proxy(database.port, delay=0.1) as slow:
        with (
            drill("network slow: 100 ms each way", database, timeout=5, through=slow) as exercise,
            exercise.fault(),
        ):
            assert all(is_whole(page) for page in exercise.some_scrapes())
        exercise.exporter.stop()


def test_stalled(database: Database, drill: StartDrill) -> None:
    """Nothing is forwarded and nothing closed: like a firewall that drops packets."""
    with proxy(database.port) as firewall:
        fault = "network stalled, connections left open"
        with (
            drill(fault, database, timeout=1, through=firewall) as exercise,
            exercise.fault(),
            firewall.stalled(),
        ):
            exercise.until(lambda page: page.value("postgres_up") == 0, "no answer")
            exercise.some_scrapes(3)
        exercise.exporter.stop()


def test_fifty_at_once(database: Database, drill: StartDrill) -> None:
    with (
        drill("50 concurrent scrapes", database, timeout=10) as exercise,
        exercise.fault(),
        ThreadPoolExecutor(50) as flood,
    ):
        answers = list(flood.map(lambda _: exercise.scrape_at_once(), range(200)))
    assert all(answer.text is not None and is_whole(answer.page) for answer in answers[::20])


def test_clients_that_leave(database: Database, drill: StartDrill) -> None:
    """They ask and close without reading; nobody else notices."""
    with drill("clients that disconnect in mid-scrape", database) as exercise, exercise.fault():
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", exercise.exporter.port)) as client:
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n")
        assert all(is_whole(page) for page in exercise.some_scrapes(3))
    under_way = "migration_exporter_scrapes_in_progress"
    assert scrape(exercise.exporter).value(under_way) == 1
