"""What Prometheus knows of the log is what is in the log."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from pg_migration_exporter.latency.histogram import BOUNDS
from pg_migration_exporter.logs.log_metrics import FAMILIES, METRICS, PIPELINE_METRICS
from testbed.ports import LOOPBACK
from testbed.prometheus import Prometheus, Scraping
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.exporters import Page
from tests.fixtures.fluent_bit import LoggingServer
from tests.logs.fluent_bit import StartFluentBit
from tests.logs.scenario import HOSTILE_DATABASE

pytestmark = pytest.mark.pg(">= 15")
_EXECUTED = re.compile(r"duration: ([\d.]+) ms(?:  (?:statement|execute)|$)")
_EVENTS = {
    "lock_wait": r"process \d+ still waiting for ",
    "lock_acquired": r"process \d+ acquired ",
    "checkpoint": r"checkpoint complete: ",
    "autoanalyze": r'automatic analyze of table "[^.]+\.public\.watched"',
    "autovacuum": r'automatic vacuum of table "[^.]+\.public\.watched"',
    "statement": r"(?:statement|execute [^:]+): ",
}


class Scraped:
    """Series of a Prometheus that scrapes one Fluent Bit, by their labels."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus

    def values(self, name: str, *labels: str) -> defaultdict[tuple[str, ...], float]:
        """Sums of the series `name` by these labels, those that are 0 left out."""
        found: defaultdict[tuple[str, ...], float] = defaultdict(float)
        for series in self._prometheus.query(name):
            if value := float(series["value"][1]):
                found[tuple(series["metric"].get(label, "") for label in labels)] += value
        return found


@pytest.fixture(scope="module")
def truth(logging_server: LoggingServer) -> list[dict[str, Any]]:
    """Entries of the log of the scenario, as the server wrote them."""
    return [json.loads(line) for line in logging_server.log("jsonlog").read_text().splitlines()]


@pytest.fixture
def scraped(
    start_fluent_bit: StartFluentBit,
    workspace: Workspace,
    logging_server: LoggingServer,
    truth: list[dict[str, Any]],
) -> Iterator[Scraped]:
    """All of the log, by way of Fluent Bit, in Prometheus."""
    settings = {"directory": str(logging_server.folder), "output": {"kind": "stdout"}}
    fluent_bit = start_fluent_bit(settings)
    job = {"pg-migration-logs": [f"{LOOPBACK}:{fluent_bit.metrics_port}"]}
    with Prometheus(workspace, Scraping(jobs=job), f"{fluent_bit.name}_prometheus") as prometheus:
        scraped = Scraped(prometheus)

        def has_all() -> bool:
            return scraped.values("postgres_log_messages_total")[()] >= len(truth)

        wait_until(has_all, 60, "Prometheus has all of the log")
        yield scraped


def test_prometheus_has_the_truth(scraped: Scraped, truth: list[dict[str, Any]]) -> None:
    messages = Counter((e["error_severity"], e.get("state_code", "00000")) for e in truth)
    assert scraped.values("postgres_log_messages_total", "level", "sqlstate") == messages
    sessions = Counter((e.get("dbname", ""),) for e in truth if e["error_severity"] != "FATAL")
    of_sessions = 'postgres_log_messages_total{level!="FATAL"}'
    assert scraped.values(of_sessions, "db") == sessions
    assert (HOSTILE_DATABASE,) in sessions

    durations = [float(m[1]) / 1000 for e in truth if (m := _EXECUTED.match(e["message"]))]
    assert len(durations) > 20
    seconds = scraped.values("postgres_query_duration_seconds_sum", "source", "datname")
    assert seconds.keys() == {("log", "postgres")}
    assert sum(seconds.values()) == pytest.approx(sum(durations))
    buckets = scraped.values("postgres_query_duration_seconds_bucket", "le")
    for bound in BOUNDS:
        assert buckets[(f"{bound}",)] == sum(each <= bound for each in durations), bound
    assert buckets[("+Inf",)] == len(durations)

    events = scraped.values("postgres_log_events_total", "event")
    logged = Counter(
        (event,)
        for event, pattern in _EVENTS.items()
        for e in truth
        if re.match(pattern, e["message"])
    )
    logged[("deadlock",)] = sum(e.get("state_code") == "40P01" for e in truth)
    assert events == +logged
    assert len(events) >= 6
    waits = scraped.values("postgres_log_event_duration_seconds_count", "event")
    assert waits.keys() <= events.keys()

    failed = [
        e
        for e in truth
        if "liquibase" in e.get("application_name", "") and e["error_severity"] == "ERROR"
    ]
    assert failed
    errors = scraped.values("postgres_log_migration_errors_total", "application_name", "sqlstate")
    assert errors == Counter((e["application_name"], e["state_code"]) for e in failed)


def test_families_are_as_declared(
    start_fluent_bit: StartFluentBit, logging_server: LoggingServer, truth: list[dict[str, Any]]
) -> None:
    settings = {"directory": str(logging_server.folder), "output": {"kind": "stdout"}}
    fluent_bit = start_fluent_bit(settings)
    names = {family.name.removesuffix("_total") for family in FAMILIES}

    def complete() -> Page | None:
        page = fluent_bit.metrics()
        return page if page.families.keys() >= names else None

    families = wait_until(complete, 60, "all families are there").families
    for metric in METRICS:
        found = families[metric.family.name.removesuffix("_total")]
        assert (found.type, found.documentation) == (metric.family.type, metric.family.help)
        for sample in found.samples:
            assert sample.labels.keys() - {"le"} == set(metric.family.labels)
    sources = {"postgresql_log", "store"}
    for family in PIPELINE_METRICS:
        found = families[family.name.removesuffix("_total")]
        assert (found.type, found.documentation) == (family.type, family.help)
        labels = [sample.labels for sample in found.samples if sample.labels["name"] in sources]
        assert [each.keys() for each in labels] == [set(family.labels)]
