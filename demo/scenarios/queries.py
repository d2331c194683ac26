"""Queries that have become slow."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from demo.scenarios.fault import Fault
from demo.world import World
from testbed.database import Database

#: Sessions enough that more than one call in twenty is slow beside the load of the application.
SESSIONS = 6


def _ask_slowly(database: Database, end: threading.Event) -> None:
    with database.connect(application_name="report-service") as session:
        while not end.is_set():
            session.execute("SELECT pg_sleep(0.3)")


@contextmanager
def _queries_slow(world: World) -> Iterator[None]:
    end = threading.Event()
    threads = [
        threading.Thread(target=_ask_slowly, args=(world.database, end)) for _ in range(SESSIONS)
    ]
    with ExitStack() as asking:
        for thread in threads:
            asking.callback(thread.join)
            thread.start()
        asking.callback(end.set)
        yield


QUERIES_SLOW = Fault("queries are slow", frozenset({"DatabaseQueryLatencyHigh"}), _queries_slow)
