"""What viewers cost: they share one scrape, and without them there is none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx

from pg_migration_exporter.status.cache import REFRESH_INTERVAL
from pg_migration_exporter.status.model import Status
from testbed.database import Database
from testbed.exporter import Exporter
from testbed.waiting import wait_until
from tests.fixtures.exporters import StartExporter

_STREAMS = 10
#: Statements of every scrape, and of the watcher only.
_SCRAPES = "%pg_postmaster_start_time()%"
_POLLS = "%pg_stat_get_progress_info%"


def calls(database: Database, statement: str) -> int:
    """How often the exporter has executed a statement in this database."""
    found: int = database.value(
        "SELECT coalesce(sum(calls), 0)::int FROM pg_stat_statements s JOIN pg_database d"
        " ON d.oid = s.dbid WHERE datname = current_database() AND query LIKE %s"
        " AND query NOT LIKE '%%pg_stat_statements%%'",
        [statement],
    )
    return found


@contextmanager
def stream(exporter: Exporter) -> Iterator[Iterator[str]]:
    """The messages of the page's events."""
    client = httpx.Client(trust_env=False, verify=False, timeout=30)
    with client, client.stream("GET", f"{exporter.url}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield (line for line in answer.iter_lines() if line.startswith("data: "))


def messages(exporter: Exporter, number: int) -> int:
    with stream(exporter) as found:
        return len([next(found) for _ in range(number)])


def test_viewers_share_scrapes(database: Database, start_exporter: StartExporter) -> None:
    """Ten follow the page for five updates, others ask for JSON: one scrape each two seconds."""
    exporter = start_exporter(database, watch={"interval": "1s", "busy_interval": "200ms"})
    assert calls(database, _SCRAPES) == 0
    began = time.monotonic()
    with ThreadPoolExecutor(_STREAMS) as viewers:
        followed = viewers.map(lambda _: messages(exporter, 5), range(_STREAMS))
        asked = [exporter.get("/api/v1/status") for _ in range(20)]
        assert sum(followed) == 5 * _STREAMS
    assert {answer.status_code for answer in asked} == {200}
    scrapes = calls(database, _SCRAPES)
    assert 4 <= scrapes <= (time.monotonic() - began) / REFRESH_INTERVAL + 2

    polls = calls(database, _POLLS)
    wait_until(lambda: calls(database, _POLLS) > polls + 10, 60, "time has passed")
    assert calls(database, _SCRAPES) <= scrapes + 1


def test_the_answer_is_the_documented_model(
    database: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(database)
    answer = exporter.get("/api/v1/status")
    assert answer.headers["content-type"] == "application/json"
    status = Status.model_validate_json(answer.content)
    [target] = status.targets
    assert target.server.reached
    assert {collector.state for collector in target.collectors} == {"answered"}
    assert answer.json() == status.model_dump(mode="json")

    [name] = [shown["name"] for shown in answer.json()["targets"]]
    assert exporter.get("/api/v1/status", target=name).json()["targets"][0]["name"] == name
    for path in ("/", "/events", "/api/v1/status"):
        unknown = httpx.get(exporter.url + path, params={"target": "<b>"}, trust_env=False)
        assert unknown.status_code == 404
        assert "<b>" not in unknown.text


def test_a_stream_does_not_hold_up_the_end(
    database: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(database)
    with stream(exporter) as found:
        next(found)
        exporter.stop()
    assert exporter.process.returncode == 0
    assert "timeout graceful shutdown exceeded" not in exporter.process.output()
    assert exporter.process.output().endswith("stopped\n")
