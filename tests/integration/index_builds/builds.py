"""Index builds that wait for a test, and what the exporter reports of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from testbed.database import Database
from testbed.exporter import Exporter
from testbed.waiting import wait_until
from tests.fixtures.exporters import Page

DURATION = "postgres_index_build_duration_seconds"
_BUILDS = "postgres_index_builds_total"
#: How the watcher sees builds between two scrapes.
QUICK = {"interval": "1s", "busy_interval": "100ms"}
#: The row at which a build with `held(level)` waits for the test.
MIDDLE = 20_000


@contextmanager
def held(database: Database, statement: str) -> Iterator[Future[Any]]:
    """`statement` runs into held() and waits there until the block ends."""
    with ThreadPoolExecutor(1) as thread:
        with database.connect() as holder:
            holder.execute("SELECT pg_advisory_lock(1)")
            build = thread.submit(database.execute, statement)
            waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            wait_until(lambda: build.done() or database.value(waits), 60, "the build waits")
            yield build
        build.exception(timeout=60)


@contextmanager
def writing(database: Database, application_name: str = "quest-service") -> Iterator[None]:
    """A transaction that has written, and does nothing now."""
    with database.connect(application_name=application_name) as writer, writer.transaction():
        writer.execute("INSERT INTO quests VALUES (0, 0, 'new')")
        yield


def is_told(exporter: Exporter, kind: str) -> None:
    """Await that the watcher emits an event, without a scrape that could have seen it instead."""
    wait_until(lambda: f" {kind} " in exporter.process.output(), 60, kind)


def is_stored(state_directory: Path) -> bool:
    """Whether a build that runs would be known after a crash: it is reported a moment before."""
    with closing(sqlite3.connect(state_directory / "state.sqlite")) as database:
        states = database.execute("SELECT state FROM memory WHERE collector = 'index_builds'")
        return any(json.loads(state)["builds"] for (state,) in states)


def ended(page: Page, command: str) -> dict[str, float]:
    """How many builds by `command` ended, by outcome."""
    return {
        sample.labels["outcome"]: sample.value
        for sample in page.samples
        if sample.name == _BUILDS and sample.labels["command"] == command and sample.value
    }
