"""A fault: slow queries."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from demo.scenarios.fault import Fault
from demo.world import World
from testbed.database import Database

#: Enough sessions that more than one statement in twenty is slow, with the application's load.
SESSIONS = 6


def _query_slowly(database: Database, end: threading.Event) -> None:
    with database.connect(application_name="report-service") as session:
        while not end.is_set():
            session.execute("SELECT pg_sleep(0.3)")


@contextmanager
def _queries_slow(world: World) -> Iterator[None]:
    end = threading.Event()
    threads = [
        threading.Thread(target=_query_slowly, args=(world.database, end)) for _ in range(SESSIONS)
    ]
    with ExitStack() as running:
        for thread in threads:
            running.callback(thread.join)
            thread.start()
        running.callback(end.set)
        yield


QUERIES_SLOW = Fault("queries are slow", frozenset({"DatabaseQueryLatencyHigh"}), _queries_slow)
