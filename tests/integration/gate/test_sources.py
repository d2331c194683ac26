"""Checks that ask a real Prometheus, by PromQL and over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import pytest

from pg_migration_exporter.http_client import open_url
from testbed.prometheus import Prometheus, Scraping
from testbed.workspace import Workspace
from tests.unit.gate.test_sources import ask, outside


@pytest.fixture(scope="module")
def prometheus(workspace: Workspace) -> Iterator[str]:
    with Prometheus(workspace, Scraping(jobs={}), "prometheus_of_the_gate") as prometheus:
        yield prometheus.url


@pytest.mark.parametrize(
    ("query", "result", "evidence"),
    [
        ("vector(7)", "pass", "7"),
        ("scalar(vector(7))", "pass", "7"),
        ("vector(3)", "fail", "3; at least 5 is needed"),
        ('label_replace(vector(3), "a", "b", "", "") or vector(12)', "fail", "3 to 12; at least 5"),
        ("vector(12)", "fail", "12; 9 at most"),
        ("absent_series", "unknown", "no series"),
        ("vector(0) / 0", "unknown", "without a number"),
        ("vector(", "unknown", "Prometheus refuses it"),
    ],
)
def test_promql(prometheus: str, query: str, result: str, evidence: str) -> None:
    found = ask(outside(promql={"query": query, "at_least": 5, "at_most": 9}), prometheus)
    assert found.result == result, found
    assert evidence in found.evidence


@pytest.mark.parametrize(
    ("path", "section", "result", "evidence"),
    [
        ("/-/healthy", {}, "pass", "status 200 in "),
        ("/nowhere", {}, "fail", "status 404, not 200"),
        ("/nowhere", {"status": 404}, "pass", "status 404"),
        ("/-/healthy", {"within": "0.001ms"}, "fail", "it took"),
        ("/api/v1/status/flags", {"json": "status", "equals": "success"}, "pass", "'success'"),
        ("/api/v1/status/flags", {"json": "status", "equals": "ok"}, "fail", "not 'ok'"),
        ("/api/v1/status/flags", {"json": "data.0", "equals": 1}, "unknown", "has no data.0"),
        ("/-/healthy", {"json": "status", "equals": "ok"}, "unknown", "not JSON"),
    ],
)
def test_http(
    prometheus: str, path: str, section: dict[str, Any], result: str, evidence: str
) -> None:
    found = ask(outside(http={"url": prometheus + path} | section))
    assert found.result == result, found
    assert evidence in found.evidence


def test_a_refused_request_leaves_no_connection(prometheus: str) -> None:
    """Python would warn of it when it collects the garbage."""
    with pytest.raises(HTTPError, match="Not Found") as refused:
        open_url(f"{prometheus}/nowhere", 30)
    assert refused.value.closed
